// io_setup(2), io_submit(2), io_getevents(2), io_cancel(2), io_destroy(2).
#include "check.h"

#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

static aio_context_t context;
static struct io_event events[8];
static long submit(struct iocb *one) {
  return syscall(SYS_io_submit, context, 1, &one);
}
static long get(long least, long most, struct timespec *timeout) {
  return syscall(SYS_io_getevents, context, least, most, events, timeout);
}
static struct iocb operation(int opcode, int file, void *buffer, size_t length, long offset) {
  return (struct iocb){.aio_lio_opcode = (uint16_t)opcode,
                       .aio_fildes = (uint32_t)file,
                       .aio_buf = (uint64_t)buffer,
                       .aio_nbytes = length,
                       .aio_offset = offset,
                       .aio_data = 42};
}
int main(void) {
  aio_context_t used = 1;
  CHECK_ERRNO(syscall(SYS_io_setup, 0, &context), EINVAL);
  CHECK_ERRNO(syscall(SYS_io_setup, 4, &used), EINVAL);
  CHECK_ERRNO(syscall(SYS_io_setup, 4, (void *)8), EFAULT);
  CHECK(syscall(SYS_io_setup, 4, &context) == 0 && context != 0);
  int file = open("file", O_RDWR | O_CREAT, 0600);
  NEED(file >= 0);
  char out[] = "asynchronous", in[32] = "";
  struct iocb write_it = operation(IOCB_CMD_PWRITE, file, out, sizeof out, 4096);
  CHECK(submit(&write_it) == 1);
  CHECK(get(1, 8, NULL) == 1 && events[0].res == sizeof out && events[0].data == 42 &&
        events[0].obj == (uint64_t)&write_it);
  struct iovec parts[] = {{in, 5}, {in + 16, 16}};
  struct iocb read_it = operation(IOCB_CMD_PREADV, file, parts, 2, 4096);
  struct iocb sync_it = operation(IOCB_CMD_FSYNC, file, NULL, 0, 0);
  struct iocb *both[] = {&read_it, &sync_it};
  CHECK(syscall(SYS_io_submit, context, 2, both) == 2);
  CHECK(get(2, 8, NULL) == 2);
  CHECK(memcmp(in, "async", 5) == 0 && strcmp(in + 16, "hronous") == 0);
  struct timespec none = {0, 0}, soon = {0, 1000000};
  CHECK(get(0, 8, &none) == 0 && get(1, 8, &soon) == 0);
  struct iocb bad_buffer = operation(IOCB_CMD_PREAD, file, (void *)8, 8, 4096);
  CHECK(submit(&bad_buffer) == 1 && get(1, 1, NULL) == 1 && events[0].res == -EFAULT);
  int reader = open("file", O_RDONLY);
  struct iocb not_writable = operation(IOCB_CMD_PWRITE, reader, out, 1, 0);
  CHECK_ERRNO(submit(&not_writable), EBADF);
  struct iocb closed = operation(IOCB_CMD_PREAD, 999, in, 1, 0);
  CHECK_ERRNO(submit(&closed), EBADF);
  struct iocb unknown = operation(77, file, in, 1, 0);
  CHECK_ERRNO(submit(&unknown), EINVAL);
  struct iocb *second_is_bad[] = {&sync_it, &closed};
  CHECK(syscall(SYS_io_submit, context, 2, second_is_bad) == 1 && get(1, 1, NULL) == 1);
  CHECK_ERRNO(syscall(SYS_io_submit, context, -1L, both), EINVAL);
  CHECK(syscall(SYS_io_submit, context, 0, both) == 0);
  CHECK_ERRNO(syscall(SYS_io_submit, context, 1, (void *)8), EFAULT);
  CHECK_ERRNO(syscall(SYS_io_submit, context + 8192, 1, both), EINVAL);
  CHECK_ERRNO(get(2, 1, NULL), EINVAL);
  CHECK_ERRNO(get(-1, 1, NULL), EINVAL);
  int counter = eventfd(0, 0);
  struct iocb told = operation(IOCB_CMD_PREAD, file, in, 5, 4096);
  told.aio_flags = IOCB_FLAG_RESFD;
  told.aio_resfd = (uint32_t)counter;
  uint64_t value = 0;
  CHECK(submit(&told) == 1 && read(counter, &value, 8) == 8 && value == 1);
  CHECK(get(1, 8, NULL) == 1 && events[0].res == 5);
  CHECK_ERRNO(syscall(SYS_io_cancel, context, &told, events), EINVAL);
  CHECK(syscall(SYS_io_destroy, context) == 0);
  CHECK_ERRNO(submit(&told), EINVAL);
  return finish();
}
