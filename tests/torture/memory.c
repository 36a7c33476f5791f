// The window: a fixed range of addresses, each page of which is mapped, changed and checked against
// a model that each process keeps of its own.
#include "torture.h"

enum { window_pages = 256, longest_range = 48, break_pages = 48, words_checked = 8 };
enum kind { hole, anonymous, file, shared };
enum { dont_fork = 1, wipe_on_fork = 2 };

struct page_model {
  u64 stamp; ///< says what the page holds; 0: zeros
  uint8_t kind, flags;
  int protection;
  unsigned file_page;
};

static char *const window = (char *)0x100000000000;
static struct page_model model[window_pages];
static u64 digest; ///< of `model`: kept outside of this process's private memory too
static u64 break_stamp[break_pages];
static char *break_start;
static int break_used;

_Alignas(page_size) _Atomic u64 thread_pages[most_threads][page_words];
static u64 frozen[most_threads];
static u64 seen_before_fork[most_threads];
static bool is_frozen;

static u64 stamp_of_file(unsigned page) {
  return mix(0xf11e0000 + page);
}

void fill_page(u64 *page, u64 stamp) {
  for (int i = 0; i < words_checked; ++i)
    page[i * (page_words / words_checked)] = stamp ? mix(stamp + (u64)i) : 0;
}

/// -1, or the first word that is not what the stamp says.
static int wrong_word(const volatile u64 *page, u64 stamp) {
  for (int i = 0; i < words_checked; ++i)
    if (page[i * (page_words / words_checked)] != (stamp ? mix(stamp + (u64)i) : 0))
      return i;
  return -1;
}

void make_file(void) {
  const int fd = memfd_create("file", 0);
  u64 page[page_words] = {0};
  for (unsigned i = 0; i < window_pages; ++i) {
    fill_page(page, stamp_of_file(i));
    if (pwrite(fd, page, page_size, (off_t)i * page_size) != page_size)
      fail("the file cannot be written");
  }
  if (dup2(fd, file_fd) != file_fd)
    fail("the file's descriptor");
  close(fd);
}

static u64 hash_of(int index) {
  const struct page_model *page = &model[index];
  return mix(page->stamp +
             mix((u64)index << 32 | (u64)page->kind << 24 | (u64)page->flags << 16 |
                 (u64)page->protection << 8) +
             mix(page->file_page));
}

static void set_model(int index, struct page_model page) {
  digest ^= hash_of(index);
  model[index] = page;
  digest ^= hash_of(index);
  if (my_slot >= 0)
    board->slot[my_slot].digest = digest;
}

static u64 *page_at(int index) {
  return (u64 *)(window + (size_t)index * page_size);
}

static u64 initial_stamp(const struct page_model *page) {
  return page->kind == file ? stamp_of_file(page->file_page) : 0;
}

struct range {
  int first, count;
};

static struct range random_range(void) {
  const int first = (int)below(window_pages);
  int count = 1 + (int)below(below(4) ? 8 : longest_range);
  if (first + count > window_pages)
    count = window_pages - first;
  return (struct range){first, count};
}

static int mapped_prefix(struct range range) {
  int count = 0;
  while (count < range.count && model[range.first + count].kind != hole)
    ++count;
  return count;
}

/// As much of a random range as is alike and follows each other: may be one mapping.
static struct range random_uniform_range(void) {
  struct range range = random_range();
  const struct page_model *first = &model[range.first];
  int count = 1;
  while (count < range.count) {
    const struct page_model *page = &model[range.first + count];
    if (page->kind != first->kind || page->flags != first->flags ||
        page->protection != first->protection ||
        (page->kind == file && page->file_page != first->file_page + (unsigned)count))
      break;
    ++count;
  }
  range.count = count;
  return range;
}

static size_t bytes(int pages) {
  return (size_t)pages * page_size;
}

/// What a call that failed for want of memory left of the range is not told: nothing, from here on.
static void make_hole(struct range range) {
  if (munmap(page_at(range.first), bytes(range.count)) == -1) {
    refused("munmap");
    give_up();
  }
  for (int i = range.first; i < range.first + range.count; ++i)
    set_model(i, (struct page_model){.kind = hole});
}

static int random_protection(void) {
  const unsigned dice = below(10);
  return dice < 7 ? PROT_READ | PROT_WRITE : dice < 9 ? PROT_READ : PROT_NONE;
}

static void do_map(void) {
  const struct range range = random_range();
  const enum kind kind = (enum kind)(below(8) < 5 ? anonymous : below(3) ? file : shared);
  const int protection = random_protection();
  const unsigned file_page = kind == file ? below((unsigned)(window_pages - range.count + 1)) : 0;
  const int flags = MAP_FIXED | (kind == shared ? MAP_SHARED : MAP_PRIVATE) |
                    (kind == file ? 0 : MAP_ANONYMOUS) | (below(10) ? 0 : MAP_POPULATE);
  if (mmap(page_at(range.first), bytes(range.count), protection, flags, kind == file ? file_fd : -1,
           (off_t)file_page * page_size) == MAP_FAILED) {
    refused("mmap");
    make_hole(range);
    return;
  }
  for (int i = 0; i < range.count; ++i) {
    struct page_model page = {.kind = (uint8_t)kind, .protection = protection};
    page.file_page = kind == file ? file_page + (unsigned)i : 0;
    page.stamp = initial_stamp(&page);
    set_model(range.first + i, page);
  }
}

/// "ENOMEM: Addresses in the range are ... not mapped": what comes before them is changed
/// (mprotect(2), as Linux does it).
static void do_protect(void) {
  struct range range = random_range();
  const int protection = random_protection();
  const int mapped = mapped_prefix(range);
  const int result = mprotect(page_at(range.first), bytes(range.count), protection);
  if (result == -1 && mapped == range.count) {
    refused("mprotect");
    make_hole(range);
    return;
  }
  if (result == 0 && mapped < range.count)
    fail("mprotect of a range with a hole says that it succeeded");
  if (result == -1 && errno != ENOMEM)
    fail("mprotect of a range with a hole");
  if (board->scarce && result == -1) { // which of the two reasons, it does not say
    range.count = mapped;
    if (mapped)
      make_hole(range);
    return;
  }
  for (int i = range.first; i < range.first + mapped; ++i) {
    struct page_model page = model[i];
    page.protection = protection;
    set_model(i, page);
  }
}

static void do_advise(enum op op) {
  const struct range range = random_uniform_range();
  const enum kind kind = (enum kind)model[range.first].kind;
  const bool again = below(3) == 0;
  const int advice = op == op_dontneed   ? MADV_DONTNEED
                     : op == op_dontfork ? (again ? MADV_DOFORK : MADV_DONTFORK)
                                         : (again ? MADV_KEEPONFORK : MADV_WIPEONFORK);
  const int result = madvise(page_at(range.first), bytes(range.count), advice);
  if (kind == hole) {
    if (result != -1 || errno != ENOMEM)
      fail("madvise of a hole is %d", result);
    return;
  }
  if (op == op_wipeonfork && !again &&
      kind != anonymous) { // "can be applied only to private anonymous pages"
    if (result != -1 || errno != EINVAL)
      fail("MADV_WIPEONFORK of a page that is not private and anonymous is %d", result);
    return;
  }
  if (result == -1) {
    refused("madvise");
    make_hole(range);
    return;
  }
  for (int i = range.first; i < range.first + range.count; ++i) {
    struct page_model page = model[i];
    if (op == op_dontneed && kind != shared)
      page.stamp = initial_stamp(&page);
    if (op == op_dontfork)
      page.flags = (uint8_t)(again ? page.flags & ~dont_fork : page.flags | dont_fork);
    if (op == op_wipeonfork)
      page.flags = (uint8_t)(again ? page.flags & ~wipe_on_fork : page.flags | wipe_on_fork);
    set_model(i, page);
  }
}

/// Moves a range to another place in the window, longer or shorter; or its pages alone
/// (MREMAP_DONTUNMAP).
static void do_remap(void) {
  const struct range from = random_uniform_range();
  const struct page_model old = model[from.first];
  if (old.kind == hole)
    return;
  int count = 1 + (int)below((unsigned)from.count + 4);
  if (old.kind == shared && count > from.count)
    count = from.count; // beyond the object's end would be SIGBUS
  if (old.kind == file && old.file_page + (unsigned)count > window_pages)
    count = from.count;
  const bool leave = old.kind == anonymous && count == from.count && below(2);
  const struct range to = {(int)below((unsigned)(window_pages - count + 1)), count};
  if (to.first < from.first + from.count && from.first < to.first + to.count)
    return;
  make_hole(to);
  if (mremap(page_at(from.first), bytes(from.count), bytes(count),
             MREMAP_MAYMOVE | MREMAP_FIXED | (leave ? MREMAP_DONTUNMAP : 0),
             page_at(to.first)) == MAP_FAILED) {
    // EFAULT: pages that are alike may be of two mappings under Linux (mremap(2)); nothing has
    // moved.
    if (errno != EFAULT) {
      refused("mremap");
      make_hole(from);
    }
    make_hole(to);
    return;
  }
  for (int i = 0; i < to.count; ++i) {
    struct page_model page = old;
    page.file_page = old.kind == file ? old.file_page + (unsigned)i : 0;
    page.stamp = i < from.count ? model[from.first + i].stamp : initial_stamp(&page);
    set_model(to.first + i, page);
  }
  for (int i = from.first; i < from.first + from.count; ++i) {
    struct page_model page = old;
    page.stamp = 0;
    set_model(i, leave ? page : (struct page_model){.kind = hole});
  }
}

u64 *find_writable(bool is_shared, int *index) {
  const unsigned start = below(window_pages);
  for (unsigned i = 0; i < window_pages; ++i) {
    *index = (int)((start + i) % window_pages);
    const struct page_model *page = &model[*index];
    if (page->kind != hole && page->protection & PROT_WRITE &&
        (!is_shared || (page->kind == shared && !(page->flags & dont_fork))))
      return page_at(*index);
  }
  return NULL;
}

void note_written(int index, u64 stamp) {
  struct page_model page = model[index];
  page.stamp = stamp;
  set_model(index, page);
}

static void do_write(void) {
  int index;
  for (unsigned count = 1 + below(6); count > 0; --count) {
    u64 *page = find_writable(false, &index);
    if (!page)
      return;
    const u64 stamp = next_random() | 1;
    fill_page(page, stamp);
    note_written(index, stamp);
  }
}

static void do_fault(void) {
  const int index = (int)below(window_pages);
  const struct page_model *page = &model[index];
  const bool write = below(2);
  const bool allowed = page->kind != hole && page->protection & (write ? PROT_WRITE : PROT_READ);
  volatile u64 *address = page_at(index) + below(page_words);
  if (allowed)
    return; // op_write and op_check do
  const struct fault_seen seen = fault_of(address, write);
  const int code = page->kind == hole ? SEGV_MAPERR : SEGV_ACCERR;
  if (seen.signal != SIGSEGV || seen.code != code || seen.address != (u64)address)
    fail("%s of page %d of kind %d, protection %d: signal %d, code %d at %llx",
         write ? "write" : "read", index, page->kind, page->protection, seen.signal, seen.code,
         (unsigned long long)seen.address);
}

/// The kernel writes a page of the file to a page of the window: it must not write what is shared
/// either.
static void do_kernel_write(void) {
  const int index = (int)below(window_pages);
  const bool allowed = model[index].kind != hole && model[index].protection & PROT_WRITE;
  const unsigned file_page = below(window_pages);
  errno = 0;
  const ssize_t count = pread(file_fd, page_at(index), page_size, (off_t)file_page * page_size);
  if (count == page_size && allowed)
    note_written(index, stamp_of_file(file_page));
  else if (count != -1 || allowed)
    fail("pread to page %d of kind %d, protection %d is %zd", index, model[index].kind,
         model[index].protection, count);
  else if (errno != EFAULT)
    fail("pread to a page that can't be written");
}

static void do_kernel_read(void) {
  const int index = (int)below(window_pages);
  const bool allowed = model[index].kind != hole && model[index].protection & PROT_READ;
  u64 copy[page_words];
  int ends[2];
  if (pipe(ends) == -1) {
    refused("pipe");
    return;
  }
  const ssize_t count = write(ends[1], page_at(index), page_size);
  if (allowed != (count == page_size) || (!allowed && errno != EFAULT)) {
    if (allowed)
      refused("write to a pipe");
    else
      fail("write from page %d of kind %d is %zd", index, model[index].kind, count);
  } else if (allowed && (read(ends[0], copy, page_size) != page_size ||
                         wrong_word(copy, model[index].stamp) != -1)) {
    fail("page %d went through a pipe and changed", index);
  }
  close(ends[0]);
  close(ends[1]);
}

static void do_break(void) {
  const int wanted = (int)below(break_pages + 1);
  if (syscall(SYS_brk, break_start + bytes(wanted)) != (long)(break_start + bytes(wanted))) {
    errno = ENOMEM;
    refused("brk");
    return;
  }
  for (int i = wanted; i < break_used; ++i)
    break_stamp[i] = 0;
  break_used = wanted;
  for (unsigned i = 0; i < 4 && wanted > 0; ++i) {
    const unsigned page = below((unsigned)wanted);
    break_stamp[page] = next_random() | 1;
    fill_page((u64 *)(break_start + bytes((int)page)), break_stamp[page]);
  }
}

static void __attribute__((noinline)) use_stack(int depth, u64 stamp) {
  volatile u64 page[page_words];
  fill_page((u64 *)page, stamp);
  if (depth > 0)
    use_stack(depth - 1, mix(stamp));
  if (wrong_word(page, stamp) != -1)
    fail("the stack changed, at depth %d", depth);
}

static void check_page(int index) {
  if (model[index].kind == hole || !(model[index].protection & PROT_READ))
    return;
  const int wrong = wrong_word(page_at(index), model[index].stamp);
  if (wrong != -1)
    fail("page %d, kind %d, protection %d, flags %d, word %d is %llx; stamp %llx", index,
         model[index].kind, model[index].protection, model[index].flags, wrong,
         (unsigned long long)page_at(index)[wrong * (page_words / words_checked)],
         (unsigned long long)model[index].stamp);
}

void check_memory(void) {
  u64 sum = 0;
  for (int i = 0; i < window_pages; ++i) {
    sum ^= hash_of(i);
    check_page(i);
  }
  if (sum != digest || (my_slot >= 0 && board->slot[my_slot].digest != digest))
    fail("the model itself has changed");
  for (int i = 0; i < break_used; ++i)
    if (wrong_word((u64 *)(break_start + bytes(i)), break_stamp[i]) != -1)
      fail("page %d of the heap's end", i);
  for (int i = 0; is_frozen && i < most_threads; ++i)
    for (int word = 0; word < page_words; word += page_words / words_checked)
      if (thread_pages[i][word] != frozen[i] && thread_pages[i][word] != frozen[i] + 1)
        fail("a thread of the parent writes to this process's memory: %llx, at the fork %llx",
             (unsigned long long)thread_pages[i][word], (unsigned long long)frozen[i]);
}

void make_window(void) {
  for (int i = 0; i < window_pages; ++i)
    digest ^= hash_of(i);
  if (my_slot >= 0)
    board->slot[my_slot].digest = digest;
  void *volatile first = malloc(1); // the heap is as long as it will be, from here on
  free(first);
  break_start = (char *)(((u64)sbrk(0) + page_size - 1) & ~(u64)(page_size - 1));
}

void forget_window(void) {
  make_hole((struct range){0, window_pages});
}

void before_fork(void) {
  for (int i = 0; i < most_threads; ++i)
    seen_before_fork[i] = thread_pages[i][page_words - page_words / words_checked];
}

void become_child(void) {
  board->slot[my_slot].digest = digest;
  for (int i = 0; i < most_threads; ++i) {
    frozen[i] = thread_pages[i][page_words - page_words / words_checked];
    if (frozen[i] < seen_before_fork[i])
      fail("a child has older memory than its parent had before the fork");
  }
  is_frozen = true;
  for (int i = 0; i < window_pages; ++i) {
    struct page_model page = model[i];
    if (page.flags & dont_fork)
      page = (struct page_model){.kind = hole};
    if (page.flags & wipe_on_fork)
      page.stamp = 0;
    set_model(i, page);
  }
  // The parent goes on to write to what they share, so a child has nothing to say of it.
  for (int i = 0; i < window_pages; ++i) {
    struct range range = {i, 0};
    while (i < window_pages && model[i].kind == shared)
      ++range.count, ++i;
    if (range.count)
      make_hole(range);
  }
}

void start_threads_pages(void) {
  is_frozen = false;
  memset((void *)thread_pages, 0, sizeof thread_pages);
}

void random_memory_op(enum op op) {
  switch (op) {
  case op_map:
    do_map();
    break;
  case op_unmap:
    make_hole(random_range());
    break;
  case op_protect:
    do_protect();
    break;
  case op_dontneed:
  case op_dontfork:
  case op_wipeonfork:
    do_advise(op);
    break;
  case op_remap:
    do_remap();
    break;
  case op_write:
    do_write();
    break;
  case op_fault:
    do_fault();
    break;
  case op_kernel_write:
    do_kernel_write();
    break;
  case op_kernel_read:
    do_kernel_read();
    break;
  case op_break:
    do_break();
    break;
  case op_stack:
    use_stack((int)below(20), next_random());
    break;
  default:
    check_memory();
    break;
  }
}
