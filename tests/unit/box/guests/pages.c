// Pages that a box had when it was saved, and what happens to them before they are used again.
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { page = 4096, pages = 64 };

static int is_filled(const unsigned char *memory, int from, int to, int with) {
  for (int i = from; i < to; ++i)
    for (int at = 0; at < page; at += 512)
      if (memory[i * page + at] != (unsigned char)(with + i))
        return 0;
  return 1;
}
static int is_zero(const unsigned char *memory, int from, int to) {
  for (int i = from * page; i < to * page; ++i)
    if (memory[i] != 0)
      return 0;
  return 1;
}
static void fill(unsigned char *memory, int with) {
  for (int i = 0; i < pages; ++i)
    memset(memory + i * page, with + i, page);
}
static unsigned char *map(int protection, int flags, int fd) {
  unsigned char *made = mmap(NULL, pages * page, protection, flags, fd, 0);
  if (made == MAP_FAILED)
    exit(99);
  return made;
}

int main(void) {
  const int readable = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  unsigned char *dropped = map(readable, anonymous, -1), *replaced = map(readable, anonymous, -1),
                *moved = map(readable, anonymous, -1), *kept_old = map(readable, anonymous, -1),
                *closed = map(readable, anonymous, -1), *forked = map(readable, anonymous, -1),
                *shared = map(readable, MAP_SHARED | MAP_ANONYMOUS, -1);
  unsigned char *const all[] = {dropped, replaced, moved, kept_old, closed, forked, shared};
  for (int i = 0; i < 7; ++i)
    fill(all[i], i + 1);
  mprotect(closed, pages * page, PROT_NONE);
  memset(forked + 5 * page, 0, page); // a page of zeros that was written
  unsigned char *const heap = sbrk(16 * page);
  memset(heap, 'h', 16 * page);
  const int file = memfd_create("pages", 0);
  ftruncate(file, pages * page);
  unsigned char *const of_file = map(readable, MAP_SHARED, file);
  fill(of_file, 50);
  unsigned char *const of_private = map(readable, MAP_PRIVATE, file);
  of_private[3 * page] = 'p';
  say("ready");

  next_line(); // here the box is saved
  madvise(dropped + 10 * page, 20 * page, MADV_DONTNEED);
  CHECK("dontneed", is_filled(dropped, 0, 10, 1) && is_zero(dropped, 10, 30) &&
                        is_filled(dropped, 30, pages, 1));
  munmap(replaced, pages * page);
  CHECK("munmap",
        mmap(replaced, pages * page, readable, anonymous | MAP_FIXED, -1, 0) == replaced &&
            is_zero(replaced, 0, pages));
  unsigned char *const to = map(PROT_NONE, anonymous, -1);
  CHECK("mremap",
        mremap(moved + 8 * page, 16 * page, 24 * page, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to &&
            is_filled(to, 0, 16, 3 + 8) && is_zero(to, 16, 24) && is_filled(moved, 0, 8, 3) &&
            is_filled(moved, 24, pages, 3));
  unsigned char *const other =
      mremap(kept_old, pages * page, pages * page, MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */, NULL);
  CHECK("dontunmap",
        other != MAP_FAILED && is_zero(kept_old, 0, pages) && is_filled(other, 0, pages, 4));
  mprotect(closed, pages * page, PROT_READ);
  CHECK("mprotect", is_filled(closed, 0, pages, 5));
  forked[0] = 'x';
  int status = 1;
  const pid_t child = fork();
  if (child == 0) {
    madvise(forked + 40 * page, 4 * page, MADV_DONTNEED);
    _exit(is_filled(forked, 1, 5, 6) && is_zero(forked, 5, 6) && is_filled(forked, 6, 40, 6) &&
                  is_zero(forked, 40, 44)
              ? 0
              : 1);
  }
  waitpid(child, &status, 0);
  CHECK("fork", status == 0 && forked[0] == 'x' && is_filled(forked, 6, pages, 6));
  shared[7 * page] = 'y';
  CHECK("shared",
        shared[7 * page] == 'y' && shared[7 * page + 1] == 7 + 7 && is_filled(shared, 8, pages, 7));
  CHECK("brk", heap[15 * page] == 'h' && brk(heap + 8 * page) == 0 && brk(heap + 32 * page) == 0 &&
                   heap[7 * page] == 'h' && is_zero(heap, 8, 32));
  CHECK("private", of_private[3 * page] == 'p' && of_private[3 * page + 1] == 53 &&
                       is_filled(of_private, 4, pages, 50));
  struct stat facts;
  fstat(file, &facts);
  CHECK("blocks", facts.st_blocks == pages * page / 512);
  fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 20 * page, 4 * page);
  CHECK("seek_hole", lseek(file, 0, SEEK_HOLE) == 20 * page);
  CHECK("hole", is_filled(of_file, 0, 20, 50) && is_zero(of_file, 20, 24) &&
                    is_filled(of_file, 24, pages, 50));
  ftruncate(file, 40 * page + 100);
  ftruncate(file, pages * page);
  char bytes[page];
  CHECK("truncate", pread(file, bytes, page, 40 * page) == page && bytes[99] == 50 + 40 &&
                        bytes[100] == 0 && is_zero(of_file, 41, pages));
  say("done");
  return 0;
}
