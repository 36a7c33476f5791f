// ERRORS of mremap(2), madvise(2), mincore(2), msync(2), mlock(2), brk(2), remap_file_pages(2),
// process_vm_readv(2), membarrier(2), and of calls that are given bad addresses of memory.
#include "check.h"

#include <linux/membarrier.h>
#include <sys/uio.h>

static char *memory; // three pages, readable and writable
static char *hole;   // behind them: nothing
static char *read_only, *nothing;
static char *const top = (char *)0x800000000000;

static long remap(void *old, size_t old_length, size_t length, int flags, void *place) {
  return syscall(SYS_mremap, old, old_length, length, flags, place);
}
static void test_mremap(void) {
  CHECK_ERRNO(remap(memory + 1, 4096, 8192, MREMAP_MAYMOVE, NULL), EINVAL);
  CHECK_ERRNO(remap(memory, 4096, 0, MREMAP_MAYMOVE, NULL), EINVAL);
  CHECK_ERRNO(remap(memory, 4096, 4096, 64, NULL), EINVAL);
  CHECK_ERRNO(remap(memory, 4096, 4096, MREMAP_FIXED, memory + 8192), EINVAL);
  CHECK_ERRNO(remap(memory, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, memory + 4096), EINVAL);
  CHECK_ERRNO(remap(memory, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, memory + 8193), EINVAL);
  CHECK_ERRNO(remap(memory, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, top), EINVAL);
  CHECK_ERRNO(remap(hole, 4096, 8192, MREMAP_MAYMOVE, NULL), EFAULT);
  CHECK_ERRNO(remap(memory, 0, 4096, MREMAP_MAYMOVE, NULL), EINVAL); // old size 0: shared only
  CHECK_ERRNO(remap(memory, 8192, 16384, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, NULL), EINVAL);
  CHECK(remap(memory, 3 * 4096, 3 * 4096, 0, NULL) == (long)memory);
}

static void test_madvise(void) {
  CHECK_ERRNO(madvise(memory + 1, 4096, MADV_NORMAL), EINVAL);
  CHECK_ERRNO(madvise(memory, 4096, 77), EINVAL);
  CHECK_ERRNO(madvise(memory, (size_t)-4096, MADV_NORMAL), EINVAL);
  CHECK_ERRNO(madvise(memory, 4 * 4096, MADV_NORMAL), ENOMEM);
  CHECK_ERRNO(madvise(memory, 4 * 4096, MADV_DONTNEED), ENOMEM);
  CHECK_ERRNO(madvise(hole, 4096, MADV_WILLNEED), ENOMEM);
  CHECK_ERRNO(madvise(memory, 4096, MADV_REMOVE), EINVAL);
  CHECK_ERRNO(madvise(hole, 4096, MADV_POPULATE_READ), ENOMEM);
  CHECK(madvise(memory, 0, MADV_DONTNEED) == 0 && madvise(hole, 0, MADV_NORMAL) == 0);
  CHECK(madvise(memory, 1, MADV_NORMAL) == 0);
}

static void test_residence(void) {
  unsigned char pages[8];
  CHECK_ERRNO(mincore(memory + 1, 4096, pages), EINVAL);
  CHECK_ERRNO(mincore(memory, 4 * 4096, pages), ENOMEM);
  CHECK_ERRNO(mincore(top, 4096, pages), ENOMEM);
  CHECK_ERRNO(mincore(memory, 4096, (void *)8), EFAULT);
  CHECK(mincore(memory, 0, pages) == 0);
  CHECK_ERRNO(msync(memory + 1, 4096, MS_SYNC), EINVAL);
  CHECK_ERRNO(msync(memory, 4096, MS_SYNC | MS_ASYNC), EINVAL);
  CHECK_ERRNO(msync(memory, 4096, 64), EINVAL);
  CHECK_ERRNO(msync(memory, 4 * 4096, MS_SYNC), ENOMEM);
  CHECK(msync(memory, 0, MS_SYNC) == 0 && msync(memory, 3 * 4096, MS_ASYNC) == 0);
  CHECK(mlock(memory + 1, 1) == 0 && munlock(memory, 3 * 4096) == 0);
  CHECK_ERRNO(mlock(memory, 4 * 4096), ENOMEM);
  CHECK_ERRNO(munlock(hole, 4096), ENOMEM);
  CHECK_ERRNO(mlock((void *)-4096, 8192), EINVAL);
  CHECK_ERRNO(munlock((void *)-4096, 8192), EINVAL);
  CHECK_ERRNO(mlock((void *)0x7ffffffffffff000, 8), ENOMEM);
  CHECK_ERRNO(munlock((void *)0x7ffffffffffff000, 8), ENOMEM);
  CHECK_ERRNO(mlock(top, 4096), ENOMEM);
  CHECK_THAT(mlock(memory + 1, 0) == 0, "mlock of nothing within a page");
  CHECK_ERRNO(mlock(hole + 1, 0), ENOMEM);
  CHECK(mlock(hole, 0) == 0 && munlock(memory, 3 * 4096) == 0);
  CHECK_ERRNO(mlock2(memory, 4096, 2), EINVAL);
  CHECK(mlock2(memory, 4096, MLOCK_ONFAULT) == 0 && munlock(memory, 4096) == 0);
  // "Lock pages that are currently resident and mark the entire range to have pages locked when
  // they are populated by the page fault."
  char *absent = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(absent != MAP_FAILED);
  CHECK(mlock2(absent, 4 * 4096, MLOCK_ONFAULT) == 0 && mincore(absent, 4 * 4096, pages) == 0);
  CHECK_THAT(!(pages[0] & 1) && !(pages[3] & 1), "MLOCK_ONFAULT brings no page in");
  CHECK(mlock(absent, 4096) == 0 && mincore(absent, 4 * 4096, pages) == 0 && (pages[0] & 1));
  NEED(munmap(absent, 4 * 4096) == 0);
  CHECK_ERRNO(mlockall(0), EINVAL);
  CHECK_ERRNO(mlockall(64), EINVAL);
  IN_CHILD({
    struct rlimit limit = {4096, 4096};
    NEED(setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && setgid(4321) == 0 && setuid(4321) == 0);
    CHECK(mlock(memory, 4096) == 0);
    CHECK_ERRNO(mlock(memory, 8192), ENOMEM);
    CHECK_ERRNO(mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0),
                EAGAIN);
  });
  char *now = (char *)syscall(SYS_brk, 0);
  CHECK(syscall(SYS_brk, 4096) == (long)now && syscall(SYS_brk, top) == (long)now);
}

static void test_bad_addresses(void) {
  int pipes[2], null = open("/dev/null", O_WRONLY), zero = open("/dev/zero", O_RDONLY);
  NEED(pipe(pipes) == 0 && null >= 0 && zero >= 0);
  memset(hole - 4, 'x', 4);
  CHECK_ERRNO(write(pipes[1], hole, 1), EFAULT);
  CHECK_ERRNO(write(pipes[1], nothing, 1), EFAULT);
  CHECK_ERRNO(write(pipes[1], top, 1), EFAULT);
  CHECK_ERRNO(read(zero, read_only, 1), EFAULT);
  CHECK_ERRNO(read(zero, (void *)-1, 1), EFAULT);
  CHECK(write(pipes[1], hole - 10, 10) == 10);
  CHECK(write(pipes[1], read_only, 5) == 5);
  CHECK_ERRNO(stat("/", (void *)8), EFAULT);
  CHECK_ERRNO(syscall(SYS_stat, 8, 16), EFAULT);
  CHECK_ERRNO(syscall(SYS_getcwd, hole - 1, 4096), EFAULT);
  CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, read_only), EFAULT);
  CHECK_ERRNO(syscall(SYS_pipe2, hole, 0), EFAULT);
  CHECK_ERRNO(syscall(SYS_getrlimit, RLIMIT_CPU, read_only), EFAULT);
  CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, hole, NULL, 8), EFAULT);
  CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, hole, NULL, 8), EFAULT);
  CHECK_ERRNO(syscall(SYS_nanosleep, hole, NULL), EFAULT);
  CHECK_ERRNO(syscall(SYS_getrandom, read_only, 16, 0), EFAULT);
  CHECK_ERRNO(syscall(SYS_poll, hole, 1, 0), EFAULT);
  CHECK_ERRNO(syscall(SYS_open, hole - 2, O_RDONLY), EFAULT); // no NUL before the end
  struct iovec odd[2] = {{hole - 4, 4}, {hole, 4}}, fine = {memory, 16}, bad = {hole, 16};
  CHECK(writev(null, odd, 2) >= 0);
  CHECK_ERRNO(syscall(SYS_writev, null, odd, -1L), EINVAL);
  CHECK_ERRNO(syscall(SYS_writev, null, 8, 1L), EFAULT);
  CHECK_ERRNO(process_vm_readv(getpid(), &fine, 1, &bad, 1, 0), EFAULT);
  CHECK_ERRNO(process_vm_readv(getpid(), &bad, 1, &fine, 1, 0), EFAULT);
  CHECK_ERRNO(process_vm_readv(getpid(), &fine, 1, &fine, 1, 1), EINVAL);
  CHECK_ERRNO(process_vm_readv(999999, &fine, 1, &fine, 1, 0), ESRCH);
  CHECK(process_vm_writev(getpid(), &fine, 1, (struct iovec[]){{hole - 8, 16}}, 1, 0) == 8);
}

int main(void) {
  read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(read_only != MAP_FAILED && nothing != MAP_FAILED);
  memory = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  hole = memory + 3 * 4096;
  NEED(munmap(hole, 4096) == 0);
  test_mremap();
  test_madvise();
  test_residence();
  test_bad_addresses();
  CHECK_ERRNO(syscall(SYS_membarrier, 1 << 20, 0, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 1 << 20, 0), EINVAL);
  CHECK_ERRNO(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), EPERM);
  CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 &&
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
  CHECK_ERRNO(syscall(SYS_remap_file_pages, memory, 4096, 0, 1, 0), EINVAL);
  return finish();
}
