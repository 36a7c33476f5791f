// The same random calls to the Linux below and to an AddressSpace: the same results, errno by
// errno, the same permissions page by page, the same contents, in the parent and in a child.
#include "memory_fixture.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <random>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

namespace tine::memory {
namespace {

constexpr u64 region_pages = 48;
constexpr u64 file_pages = 64;
constexpr int unreadable = -1;
using Contents = std::array<int, region_pages>;

void *host(u64 address) {
  return reinterpret_cast<void *>(address);
}

/// A pipe: the host copies between it and user memory with the program's own rights, and says
/// EFAULT where the program would die.
struct Probe {
  Probe() { EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0); }
  ~Probe() {
    close(ends[0]);
    close(ends[1]);
  }
  int ends[2];
};

int host_byte(const Probe &probe, u64 page) {
  u8 value = 0;
  if (write(probe.ends[1], host(page_at(page).value), 1) != 1)
    return unreadable;
  return read(probe.ends[0], &value, 1) == 1 ? value : unreadable;
}
bool host_store(u64 page, u8 value) {
  const Probe probe;
  return write(probe.ends[1], &value, 1) == 1 &&
         read(probe.ends[0], host(page_at(page).value), 1) == 1;
}
Contents host_contents() {
  const Probe probe;
  Contents contents{};
  for (u64 page = 0; page < region_pages; ++page)
    contents[page] = host_byte(probe, page);
  return contents;
}

/// The end of the host's mapping at the address; 0 if there is none.
u64 host_mapping_end(u64 address) {
  FILE *const maps = std::fopen("/proc/self/maps", "re");
  char line[512];
  unsigned long start = 0, end = 0, found = 0;
  while (std::fgets(line, sizeof line, maps))
    if (std::sscanf(line, "%lx-%lx", &start, &end) == 2 && start <= address && address < end)
      found = end;
  (void)std::fclose(maps);
  return found;
}

/// "rwxp" of each page, "----" for what is mapped without rights, "" for holes.
std::vector<std::string> host_permissions() {
  std::vector<std::string> result(region_pages);
  FILE *const maps = std::fopen("/proc/self/maps", "re");
  char line[512];
  while (std::fgets(line, sizeof line, maps)) {
    unsigned long start = 0, end = 0;
    char rights[5] = {};
    if (std::sscanf(line, "%lx-%lx %4s", &start, &end, rights) != 3)
      continue;
    for (u64 page = 0; page < region_pages; ++page)
      if (page_at(page).value >= start && page_at(page).value < end)
        result[page] = rights;
  }
  (void)std::fclose(maps);
  return result;
}

class Oracle : public MemoryTest, public ::testing::WithParamInterface<int> {
protected:
  u64 pick(u64 bound) { return std::uniform_int_distribution<u64>(0, bound - 1)(random); }
  u64 pick_address() {
    return page_at(pick(region_pages), pick(20) == 0 ? 1 + pick(4095) : 0).value;
  }
  /// Within the region, most of the time whole pages; now and then nothing or far too much.
  u64 pick_length(u64 address) {
    const u64 room = page_at(region_pages).value - address;
    switch (pick(40)) {
    case 0:
      return 0;
    case 1:
      return ~u64{0} - pick(8192);
    default:
      return 1 + pick(std::min(room, (1 + pick(16)) * page_size));
    }
  }

  void compare(const std::string &what, i64 theirs, const Status &ours) {
    const int our_errno = ours.ok() ? 0 : static_cast<int>(ours.error());
    EXPECT_EQ(theirs < 0 ? errno : 0, our_errno) << what;
  }
  static Status status_of(const Result<GuestAddress> &result) {
    return result.ok() ? Status(Done{}) : Status(result.error());
  }

  void do_map(u64 address, u64 length);
  void do_remap(u64 address, u64 length);
  void do_advise(u64 address, u64 length);
  void do_fork();
  void step();
  Contents contents_of(AddressSpace &of) {
    Contents contents{};
    for (u64 page = 0; page < region_pages; ++page) {
      const auto byte = of.read_object<u8>(page_at(page));
      contents[page] = byte ? *byte : unreadable;
    }
    return contents;
  }
  void compare_all() {
    const auto theirs = host_permissions();
    for (u64 page = 0; page < region_pages; ++page) {
      std::string ours;
      if (const auto mapping = space->mapping_at(page_at(page)))
        ours = std::string(mapping->protection.read ? "r" : "-") +
               (mapping->protection.write ? "w" : "-") + (mapping->protection.execute ? "x" : "-") +
               (mapping->shared ? "s" : "p");
      ASSERT_EQ(ours, theirs[page]) << "page " << page;
    }
    ASSERT_EQ(contents_of(*space), host_contents());
  }

  std::mt19937_64 random;
  AddressSpace *space = nullptr;
  Ref<AnonymousPageObject> object;
  int file = -1;
};

void Oracle::do_map(u64 address, u64 length) {
  static constexpr std::array protections{
      PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
      PROT_WRITE};
  const int prot = protections[pick(protections.size())];
  const bool shared = pick(3) == 0;
  const bool of_file = pick(3) == 0;
  const bool replace = pick(3) != 0;
  // What is beyond the end of the file is for another test: the offsets stay inside.
  const u64 offset = pick(file_pages - region_pages) * page_size + (pick(30) == 0 ? 512 : 0);
  const int flags = (shared ? MAP_SHARED : MAP_PRIVATE) | (of_file ? 0 : MAP_ANONYMOUS) |
                    (replace ? MAP_FIXED : MAP_FIXED_NOREPLACE) |
                    (pick(4) == 0 ? MAP_POPULATE : 0) | MAP_NORESERVE;
  MapRequest request;
  request.address = GuestAddress{address};
  request.length = length;
  request.protection = {(prot & PROT_READ) != 0, (prot & PROT_WRITE) != 0, (prot & PROT_EXEC) != 0};
  request.shared = shared;
  request.fixed = replace;
  request.fixed_no_replace = !replace;
  request.populate = (flags & MAP_POPULATE) != 0;
  request.no_reserve = true;
  if (of_file) {
    request.object = object;
    request.object_offset = offset;
  }
  errno = 0;
  void *const theirs = mmap(host(address), length, prot, flags, of_file ? file : -1,
                            of_file ? static_cast<off_t>(offset) : 0);
  const i64 outcome = theirs == MAP_FAILED ? -1 : 0;
  const int error = errno;
  const Status ours = status_of(space->map(request));
  errno = error;
  compare("mmap", outcome, ours);
}

void Oracle::do_remap(u64 address, u64 length) {
  static constexpr std::array choices{0, MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_FIXED,
                                      MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP};
  const int flags = choices[pick(choices.size())];
  // Of a length that wraps around, Linux's errno depends on how far it got before it noticed.
  if (length > region_pages * page_size)
    return;
  const u64 target = pick_address();
  u64 new_length = pick(2) == 0 ? length : pick_length(target);
  if ((flags & MREMAP_FIXED) == 0) // growing in place, within the region
    new_length = std::min(new_length, page_at(region_pages).value - address);
  // Linux 6.17 moves several mappings at once where older ones, and ours, say EFAULT; and it keeps
  // some neighbours apart that we merge. So only what is within one mapping on both sides.
  const auto mapping = space->mapping_at(GuestAddress{address});
  const u64 end = address + round_up_to_page(length);
  if (mapping && (end > address_of(mapping->range.end()).value || end > host_mapping_end(address)))
    return;
  errno = 0;
  void *const theirs = mremap(host(address), length, new_length, flags, host(target));
  const int error = errno;
  const Status ours = status_of(
      space->remap(GuestAddress{address}, length, new_length, flags, GuestAddress{target}));
  errno = error;
  char what[100];
  (void)std::snprintf(what, sizeof what, "mremap(%#lx, %#lx, %#lx, %d, %#lx)", address, length,
                      new_length, flags, target);
  compare(what, theirs == MAP_FAILED ? -1 : 0, ours);
}

void Oracle::do_advise(u64 address, u64 length) {
  static constexpr std::array advices{
      MADV_DONTNEED,       MADV_DONTNEED, MADV_DONTFORK,   MADV_DOFORK,
      MADV_WIPEONFORK,     MADV_WILLNEED, MADV_KEEPONFORK, MADV_POPULATE_READ,
      MADV_POPULATE_WRITE, MADV_NORMAL,   MADV_RANDOM,     MADV_COLD,
      MADV_REMOVE,         12345};
  const int advice = advices[pick(advices.size())];
  errno = 0;
  const int theirs = madvise(host(address), length, advice);
  const int error = errno;
  const Status ours = space->advise(GuestAddress{address}, length, advice);
  errno = error;
  compare("madvise " + std::to_string(advice), theirs, ours);
}

void Oracle::do_fork() {
  auto made = space->fork(pick(2) == 0 ? ForkMechanism::shared : ForkMechanism::copied);
  ASSERT_TRUE(made.ok());
  int channel[2];
  ASSERT_EQ(pipe(channel), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const Contents contents = host_contents();
    _exit(write(channel[1], contents.data(), sizeof contents) == sizeof contents ? 0 : 1);
  }
  Contents theirs{};
  EXPECT_EQ(read(channel[0], theirs.data(), sizeof theirs), static_cast<ssize_t>(sizeof theirs));
  waitpid(pid, nullptr, 0);
  close(channel[0]);
  close(channel[1]);
  ASSERT_EQ(contents_of(**made), theirs) << "in the child";
}

void Oracle::step() {
  const u64 address = pick_address();
  const u64 length = pick_length(address);
  errno = 0;
  switch (pick(14)) {
  case 0:
  case 1:
    return do_map(address, length);
  case 2: {
    // Not the library's munmap: ThreadSanitizer's does not survive a length that is far too much.
    const auto theirs = static_cast<int>(::syscall(SYS_munmap, address, length));
    return compare("munmap", theirs, space->unmap(GuestAddress{address}, length));
  }
  case 3:
  case 4: {
    // Not PROT_EXEC alone: with protection keys the host makes that unreadable, which x86-64
    // without them can't.
    const int prot = static_cast<int>(std::array{0, 1, 2, 3, 3, 5, 7}[pick(7)]);
    const int theirs = mprotect(host(address), length, prot);
    return compare("mprotect", theirs,
                   space->protect(GuestAddress{address}, length,
                                  {(prot & 1) != 0, (prot & 2) != 0, (prot & 4) != 0}));
  }
  case 5:
    return do_remap(address, length);
  case 6:
  case 7:
    return do_advise(address, length);
  case 8: {
    const int flags = static_cast<int>(pick(8));
    const int theirs = msync(host(address), length, flags);
    return compare("msync", theirs, space->sync(GuestAddress{address}, length, flags));
  }
  case 9:
    return pick(5) == 0 ? do_fork() : void();
  default: {
    const u64 page = pick(region_pages);
    const u8 value = static_cast<u8>(pick(256));
    const bool theirs = host_store(page, value);
    ASSERT_EQ(space->write_object(page_at(page), value).ok(), theirs) << "store to " << page;
  }
  }
}

TEST_P(Oracle, AgreesWithTheHost) {
  const char *const given = std::getenv("TINE_SEED");
  const u64 seed = given ? std::strtoull(given, nullptr, 0) : static_cast<u64>(GetParam()) * 104729;
  SCOPED_TRACE("TINE_SEED=" + std::to_string(seed));
  random.seed(seed);
  space = &new_space();
  object = make_ref<AnonymousPageObject>(*frames, file_pages * page_size);
  file = memfd_create("oracle", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(file, file_pages * page_size), 0);
  ASSERT_EQ(munmap(host(base.value), region_pages * page_size), 0);
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    step();
    if (i % 7 == 0)
      compare_all();
    ASSERT_FALSE(HasFailure()) << "at step " << i;
  }
  munmap(host(base.value), region_pages * page_size);
  close(file);
  ASSERT_TRUE(space->unmap(base, region_pages * page_size).ok());
  object = nullptr;
}

INSTANTIATE_TEST_SUITE_P(Seed, Oracle, ::testing::Range(1, 13));

} // namespace
} // namespace tine::memory
