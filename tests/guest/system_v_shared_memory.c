// shmget(2), shmop(2), shmctl(2): sizes, permissions, attachments, removal while attached.
#include "check.h"

#include <sys/shm.h>

static struct shmid_ds state_of(int id) {
  struct shmid_ds state;
  NEED(shmctl(id, IPC_STAT, &state) == 0);
  return state;
}

/// Whether a file of /proc has a line that begins with these numbers.
static int is_listed(int key, int id) {
  FILE *list = fopen("/proc/sysvipc/shm", "r");
  NEED(list);
  char line[512];
  int found = 0, a, b;
  while (fgets(line, sizeof line, list))
    found |= sscanf(line, "%d %d", &a, &b) == 2 && a == key && b == id;
  fclose(list);
  return found;
}

static void test_get(void) {
  key_t key = (key_t)(0x7e570000 + getpid());
  CHECK_ERRNO(shmget(key, 4096, 0), ENOENT);
  CHECK_ERRNO(shmget(key, 0, IPC_CREAT | 0600), EINVAL);
  int id = shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640);
  NEED(id >= 0);
  CHECK_ERRNO(shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640), EEXIST);
  CHECK(shmget(key, 5000, 0) == id && shmget(key, 0, 0) == id);
  CHECK_ERRNO(shmget(key, 5001, 0), EINVAL);
  struct shmid_ds state = state_of(id);
  CHECK(state.shm_segsz == 5000 && state.shm_nattch == 0 && state.shm_cpid == getpid() &&
        state.shm_lpid == 0 && state.shm_atime == 0 && state.shm_dtime == 0);
  CHECK(state.shm_perm.mode == 0640 && state.shm_perm.uid == geteuid() &&
        state.shm_perm.__key == key);
  CHECK(is_listed(key, id));
  state.shm_perm.mode = 0606;
  CHECK(shmctl(id, IPC_SET, &state) == 0 && state_of(id).shm_perm.mode == 0606);
  CHECK(shmctl(id, IPC_RMID, NULL) == 0 && !is_listed(key, id));
  CHECK_ERRNO(shmctl(id, IPC_STAT, &state), EINVAL);
  CHECK_ERRNO(shmat(id, NULL, 0), EINVAL);
  CHECK_ERRNO(shmat(-1, NULL, 0), EINVAL);
  CHECK_ERRNO(shmctl(id, 99, &state), EINVAL);
}

static void test_attach(void) {
  int id = shmget(IPC_PRIVATE, 3 * 4096, IPC_CREAT | 0600);
  NEED(id >= 0);
  char *first = shmat(id, NULL, 0), *second = shmat(id, NULL, SHM_RDONLY);
  CHECK(first != (void *)-1 && second != (void *)-1 && first != second);
  strcpy(first + 4096, "seen");
  CHECK(strcmp(second + 4096, "seen") == 0);
  CHECK(state_of(id).shm_nattch == 2 && state_of(id).shm_lpid == getpid());
  CHECK(SIGNAL_THAT_KILLS(*(volatile char *)second = 1;) == SIGSEGV);
  CHECK_ERRNO(mprotect(second, 4096, PROT_READ | PROT_WRITE), EACCES);
  CHECK_ERRNO(shmat(id, first + 1, 0), EINVAL);
  CHECK_ERRNO(shmat(id, first, 0), EINVAL); // something is mapped there
  CHECK_ERRNO(shmat(id, NULL, SHM_REMAP), EINVAL);
  CHECK(shmat(id, first, SHM_REMAP) == first && state_of(id).shm_nattch == 2);
  CHECK_ERRNO(shmdt(first + 4096), EINVAL);
  CHECK_ERRNO(shmdt(first + 1), EINVAL);
  CHECK(shmdt(second) == 0 && state_of(id).shm_nattch == 1 && state_of(id).shm_dtime != 0);
  CHECK(shmat(id, second + 10, SHM_RND) == second);
  CHECK(munmap(second + 4096, 4096) == 0 && state_of(id).shm_nattch == 3); // in two pieces
  CHECK(shmdt(second) == 0 && state_of(id).shm_nattch == 1);
  CHECK_ERRNO(shmdt(second), EINVAL);
  CHECK(shmctl(id, IPC_RMID, NULL) == 0);
  CHECK((state_of(id).shm_perm.mode & SHM_DEST) != 0 && state_of(id).shm_perm.__key == 0);
  char *third = shmat(id, NULL, 0);
  CHECK(third != (void *)-1 && strcmp(third + 4096, "seen") == 0);
  IN_CHILD(CHECK(state_of(id).shm_nattch == 4););
  CHECK(state_of(id).shm_nattch == 2);
  CHECK(shmdt(third) == 0 && shmdt(first) == 0);
  struct shmid_ds state;
  CHECK_ERRNO(shmctl(id, IPC_STAT, &state), EINVAL);
}

static void test_permissions(void) {
  int secret = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  int readable = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0644);
  NEED(secret >= 0 && readable >= 0);
  struct shmid_ds state;
  IN_CHILD({
    NEED(setgid(4321) == 0 && setuid(4321) == 0);
    CHECK_ERRNO(shmctl(secret, IPC_STAT, &state), EACCES);
    CHECK_ERRNO(shmat(secret, NULL, SHM_RDONLY), EACCES);
    CHECK_ERRNO(shmctl(secret, IPC_RMID, NULL), EPERM);
    CHECK_ERRNO(shmat(readable, NULL, 0), EACCES);
    CHECK(shmat(readable, NULL, SHM_RDONLY) != (void *)-1);
    CHECK_ERRNO(shmctl(readable, IPC_SET, &state), EPERM);
  });
  CHECK(shmctl(secret, IPC_RMID, NULL) == 0 && shmctl(readable, IPC_RMID, NULL) == 0);
}

static void test_totals(void) {
  struct shminfo limits;
  struct shm_info totals;
  CHECK(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0 && limits.shmmin == 1 &&
        limits.shmmni == 4096);
  int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&totals);
  CHECK(highest >= 0 && totals.used_ids >= 1 && totals.shm_tot >= 1);
  struct shmid_ds state;
  int found = 0;
  for (int index = 0; index <= highest; ++index)
    found |= shmctl(index, SHM_STAT, &state) == id;
  CHECK_THAT(found, "SHM_STAT finds the segment by its index");
  CHECK(shmctl(id, SHM_LOCK, NULL) == 0 && (state_of(id).shm_perm.mode & SHM_LOCKED) != 0);
  CHECK(shmctl(id, SHM_UNLOCK, NULL) == 0 && (state_of(id).shm_perm.mode & SHM_LOCKED) == 0);
  CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

int main(void) {
  test_get();
  test_attach();
  test_permissions();
  test_totals();
  // ENOMEM: "No memory could be allocated for segment overhead", more than there is.
  CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)1 << 62, 0600), ENOMEM);
  return finish();
}
