// proc(5): io, numa_maps, map_files, timers, limits, environ, auxv, loadavg, sysvipc.
#include "check.h"

#include <dirent.h>
#include <elf.h>
#include <sys/auxv.h>

static char text[1 << 16];
static const char *read_file(const char *path) {
  int file = open(path, O_RDONLY);
  if (file < 0)
    return NULL;
  size_t length = 0;
  for (ssize_t count; (count = read(file, text + length, sizeof text - 1 - length)) > 0;
       length += (size_t)count) {
  }
  close(file);
  text[length] = 0;
  return text;
}
static long field(const char *path, const char *name) {
  const char *found = read_file(path) ? strstr(text, name) : NULL;
  return found ? atol(found + strlen(name)) : -1;
}

int main(void) {
  int file = open("file", O_RDWR | O_CREAT, 0600);
  long written = field("/proc/self/io", "wchar: "), calls = field("/proc/self/io", "syscw: ");
  NEED(file >= 0 && write(file, "0123456789", 10) == 10 && ftruncate(file, 4096) == 0);
  CHECK(field("/proc/self/io", "wchar: ") == written + 10);
  CHECK(field("/proc/self/io", "syscw: ") == calls + 2); // this test's line is one
  long got = field("/proc/self/io", "rchar: ");
  NEED(pread(file, text, 4, 0) == 4);
  CHECK(field("/proc/self/io", "rchar: ") > got + 4);
  CHECK(field("/proc/self/io", "\nread_bytes: ") >= 0);

  char *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
  NEED(mapped != MAP_FAILED && mapped[0] == '0');
  char name[128], target[256] = "", here[256];
  snprintf(name, sizeof name, "/proc/self/map_files/%lx-%lx", (long)mapped, (long)mapped + 4096);
  CHECK(readlink(name, target, sizeof target - 1) > 0 && getcwd(here, sizeof here) &&
        strncmp(target, here, strlen(here)) == 0 && strstr(target, "/file") != NULL);
  DIR *list = opendir("/proc/self/map_files");
  NEED(list);
  int found = 0;
  for (struct dirent *entry; (entry = readdir(list));)
    found |= strcmp(entry->d_name, name + 21) == 0;
  CHECK_THAT(found, "map_files lists the mapping");
  snprintf(name, sizeof name, "%08lx default file=", (long)mapped);
  CHECK(read_file("/proc/self/numa_maps") && strstr(text, name) != NULL);
  CHECK(strstr(text, " stack ") != NULL && strstr(text, " heap ") != NULL);

  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  CHECK(read_file("/proc/self/timers") && strncmp(text, "ID: 0\nsignal: 10/", 17) == 0);
  snprintf(name, sizeof name, "notify: signal/pid.%d\nClockID: 1\n", getpid());
  CHECK(strstr(text, name) != NULL);

  struct rlimit limit = {100, 200};
  NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(read_file("/proc/self/limits") && strstr(text, "Max open files            100"
                                                       "                  200 ") != NULL);
  double loads[3];
  int running, all, last;
  CHECK(read_file("/proc/loadavg") &&
        sscanf(text, "%lf %lf %lf %d/%d %d", loads, loads + 1, loads + 2, &running, &all, &last) ==
            6 &&
        running >= 1 && all >= running && last > 0);
  NEED(read_file("/proc/self/auxv"));
  Elf64_auxv_t *entry = (Elf64_auxv_t *)text;
  while (entry->a_type != AT_NULL && entry->a_type != AT_ENTRY)
    ++entry;
  CHECK(entry->a_un.a_val == getauxval(AT_ENTRY));
  CHECK(read_file("/proc/sysvipc/sem") && strncmp(text, "       key      semid", 20) == 0);
  CHECK(read_file("/proc/sysvipc/msg") && strncmp(text, "       key      msqid", 20) == 0);
  CHECK(access("/proc/sys/fs/mqueue/msg_max", R_OK) == 0);
  CHECK(field("/proc/sys/kernel/shmmni", "") == 4096);
  return finish();
}
