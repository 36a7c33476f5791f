// System V objects, POSIX message queues, inotify and asynchronous I/O in use while the box is
// forked.
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct Message {
  long type;
  char text[16];
};

static int segment, doomed, semaphores, queue, notify;
static char *attached, *doomed_memory;
static mqd_t posix_queue, unnamed_queue;
static volatile sig_atomic_t told;

static void on_message(int signal) {
  told = signal;
}
static void *wait_semaphore(void *unused) {
  struct sembuf down = {.sem_num = 1, .sem_op = -3};
  CHECK("semop", semop(semaphores, &down, 1) == 0);
  return unused;
}
static void *wait_message(void *unused) {
  struct Message message;
  CHECK("msgrcv", msgrcv(queue, &message, sizeof message.text, 9, 0) == 5 &&
                      memcmp(message.text, "later", 5) == 0);
  return unused;
}

// A child that holds a semaphore with SEM_UNDO until it is told to end.
static pid_t start_holder(int *told_to_end) {
  int ends[2];
  if (pipe(ends) != 0)
    _exit(5);
  *told_to_end = ends[1];
  const pid_t child = fork();
  if (child != 0)
    return child;
  shmdt(doomed_memory);
  struct sembuf up = {.sem_num = 0, .sem_op = 5, .sem_flg = SEM_UNDO};
  char byte;
  _exit(semop(semaphores, &up, 1) == 0 && read(ends[0], &byte, 1) == 1 ? 0 : 1);
}

static void make_system_v(void) {
  segment = shmget(77, 8192, IPC_CREAT | 0600);
  attached = shmat(segment, NULL, 0);
  strcpy(attached, "before");
  doomed = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  doomed_memory = shmat(doomed, NULL, 0);
  strcpy(doomed_memory, "doomed");
  shmctl(doomed, IPC_RMID, NULL);
  semaphores = semget(78, 2, IPC_CREAT | 0600);
  queue = msgget(79, IPC_CREAT | 0600);
  struct Message message = {.type = 4, .text = "waiting"};
  msgsnd(queue, &message, 8, 0);
}

static void make_posix(void) {
  struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 32};
  posix_queue = mq_open("/copied", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attributes);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  signal(SIGUSR1, on_message);
  mq_notify(posix_queue, &event);
  unnamed_queue = mq_open("/unnamed", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attributes);
  mq_send(unnamed_queue, "low", 4, 1);
  mq_send(unnamed_queue, "high", 5, 2);
  mq_unlink("/unnamed");
}

static void check_system_v(const char *mine) {
  CHECK("shm_contents", strcmp(attached, "before") == 0);
  strcpy(attached, mine);
  char *again = shmat(shmget(77, 0, 0), NULL, 0);
  CHECK("shm_key", again != (char *)-1 && strcmp(again, mine) == 0);
  CHECK("shm_doomed", strcmp(doomed_memory, "doomed") == 0);
  struct shmid_ds status;
  CHECK("shm_stat", shmctl(doomed, IPC_STAT, &status) == 0 && status.shm_nattch == 1 &&
                        (status.shm_perm.mode & SHM_DEST) != 0);
  shmdt(doomed_memory);
  CHECK("shm_gone", shmctl(doomed, IPC_STAT, &status) == -1 && errno == EINVAL);
  struct Message message;
  CHECK("msg_contents", msgrcv(queue, &message, sizeof message.text, 4, IPC_NOWAIT) == 8 &&
                            strcmp(message.text, "waiting") == 0);
  message = (struct Message){.type = 9, .text = "later"};
  CHECK("msgsnd", msgsnd(queue, &message, 5, 0) == 0);
}

static void check_posix(void) {
  char text[32];
  unsigned priority;
  CHECK("mq_contents", mq_receive(unnamed_queue, text, sizeof text, &priority) == 5 &&
                           priority == 2 && strcmp(text, "high") == 0);
  CHECK("mq_rest", mq_receive(unnamed_queue, text, sizeof text, &priority) == 4 && priority == 1);
  CHECK("mq_empty", mq_receive(unnamed_queue, text, sizeof text, NULL) == -1 && errno == EAGAIN);
  CHECK("mq_untold", told == 0);
  const mqd_t by_name = mq_open("/copied", O_WRONLY);
  CHECK("mq_open", by_name >= 0 && mq_send(by_name, "x", 1, 0) == 0);
  CHECK("mq_notify", told == SIGUSR1);
  CHECK("mq_same", mq_receive(posix_queue, text, sizeof text, NULL) == 1 && text[0] == 'x');
}

// One event was there before the fork; the watches go on.
static void check_inotify(void) {
  struct {
    struct inotify_event event;
    char name[16];
  } found;
  CHECK("inotify_before", read(notify, &found, sizeof found) == sizeof found &&
                              found.event.mask == IN_CREATE && strcmp(found.name, "first") == 0);
  struct pollfd entry = {.fd = notify, .events = POLLIN};
  CHECK("inotify_quiet", poll(&entry, 1, 0) == 0);
  close(open("/tmp/watched/second", O_CREAT | O_RDWR, 0600));
  CHECK("inotify_after", read(notify, &found, sizeof found) == sizeof found &&
                             found.event.mask == IN_CREATE && strcmp(found.name, "second") == 0);
  CHECK("inotify_quiet", poll(&entry, 1, 0) == 0);
}

static void submit_read(aio_context_t context) {
  static char bytes[4];
  struct iocb block = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_data = 99, .aio_nbytes = 4};
  block.aio_fildes = (unsigned)open("/tmp/watched/data", O_RDONLY);
  block.aio_buf = (unsigned long)bytes;
  struct iocb *blocks[] = {&block};
  if (syscall(SYS_io_submit, context, 1, blocks) != 1)
    _exit(6);
}

int main(void) {
  aio_context_t context = 0;
  mkdir("/tmp/watched", 0700);
  const int data = open("/tmp/watched/data", O_CREAT | O_RDWR, 0600);
  if (write(data, "data", 4) != 4 || syscall(SYS_io_setup, 4, &context) != 0)
    return 1;
  submit_read(context);
  make_system_v();
  make_posix();
  notify = inotify_init1(IN_NONBLOCK);
  inotify_add_watch(notify, "/tmp/watched", IN_CREATE);
  close(open("/tmp/watched/first", O_CREAT | O_RDWR, 0600));
  int told_to_end;
  const pid_t holder = start_holder(&told_to_end);
  pthread_t threads[2];
  pthread_create(&threads[0], NULL, wait_semaphore, NULL);
  pthread_create(&threads[1], NULL, wait_message, NULL);
  while (semctl(semaphores, 0, GETVAL) != 5 || semctl(semaphores, 1, GETNCNT) != 1)
    usleep(1000);
  usleep(20000);
  say("ready");
  const char *mine = next_line(); // here the box is forked
  check_system_v(mine);
  check_posix();
  check_inotify();
  struct io_event done;
  CHECK("io_getevents", syscall(SYS_io_getevents, context, 1, 1, &done, NULL) == 1 &&
                            done.data == 99 && done.res == 4);
  struct sembuf up = {.sem_num = 1, .sem_op = 3};
  CHECK("sem_up", semop(semaphores, &up, 1) == 0);
  for (int i = 0; i < 2; ++i)
    pthread_join(threads[i], NULL);
  int status;
  CHECK("holder",
        write(told_to_end, "e", 1) == 1 && waitpid(holder, &status, 0) == holder && status == 0);
  CHECK("sem_undone", semctl(semaphores, 0, GETVAL) == 0);
  say("done");
  return 0;
}
