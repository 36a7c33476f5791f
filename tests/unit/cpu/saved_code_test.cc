// Translations that outlive a machine: found again for equal pages, and for no others.
#include "guest.hpp"

#include "base/unique_fd.hpp"
#include "cpu/kept_code.hpp"

#include <algorithm>
#include <sys/mman.h>
#include <sys/stat.h>

namespace tine::cpu::test {
namespace {

constexpr u64 shared_code = 0x10000000;
constexpr u64 file_identity = 77;

/// A guest with code in a page object, as a file's is. Two pages: the first calls a function in the
/// second in a loop, so that blocks are chained across pages, reads memory in a loop (it holds
/// zero), and leaves by a system call.
class FileGuest : public Guest {
public:
  explicit FileGuest(u8 increment = 3, u64 identity = file_identity) {
    const KernelGuard guard(lock);
    object_ = make_ref<memory::AnonymousPageObject>(*frames, 2 * page_size);
    write_page(0, {0xb9, 0x05, 0x00, 0x00, 0x00,  // mov ecx, 5
                   0x31, 0xc0,                    // xor eax, eax
                   0xe8, 0xf4, 0x0f, 0x00, 0x00,  // call page 1
                   0xff, 0xc9, 0x75, 0xf7,        // dec ecx; jnz the call
                   0xbe, 0x00, 0x00, 0x60, 0x00,  // mov esi, data_address
                   0xb1, 0x05,                    // mov cl, 5
                   0x03, 0x06,                    // add eax, [rsi]: a loop with a window
                   0xff, 0xc9, 0x75, 0xfa,        // dec ecx; jnz the addition
                   0x0f, 0x05});                  // syscall
    write_page(1, {0x83, 0xc0, increment, 0xc3}); // add eax, increment; ret
    memory::MapRequest request;
    request.address = GuestAddress(shared_code);
    request.length = 2 * page_size;
    request.protection = {.read = true, .write = false, .execute = true};
    request.fixed = true;
    request.object = object_;
    EXPECT_TRUE(space->map(request).ok());
    set_identify_object(*machine, [identity](const memory::PageObject &) { return identity; });
    state.rip = shared_code;
  }
  void write_page(u64 index, const std::vector<u8> &bytes) {
    const auto frame = object_->page_for_write(index);
    ASSERT_TRUE(frame.ok());
    std::ranges::copy(std::as_bytes(std::span(bytes)), frames->bytes(*frame).begin());
  }
  u64 run_to_system_call() {
    EXPECT_EQ(run().reason, ExitReason::system_call);
    return state.gpr[rax];
  }
  u64 translated() const { return machine->counters().instructions_translated; }
  bool load(int fd) {
    const KernelGuard guard(lock);
    return load_code(*machine, fd);
  }

private:
  Ref<memory::AnonymousPageObject> object_;
};

UniqueFd saved_by(FileGuest &guest) {
  UniqueFd file(::memfd_create("code", MFD_CLOEXEC));
  const KernelGuard guard(guest.lock);
  EXPECT_TRUE(save_code(*guest.machine, file.get()).ok());
  return file;
}

UniqueFd saved_code() {
  FileGuest guest;
  EXPECT_EQ(guest.run_to_system_call(), 15U);
  EXPECT_GT(guest.translated(), 0U);
  return saved_by(guest);
}

u64 size_of(const UniqueFd &file) {
  struct stat status {};
  EXPECT_EQ(::fstat(file.get(), &status), 0);
  return static_cast<u64>(status.st_size);
}

TEST(SavedCode, IsUsedForEqualPages) {
  const UniqueFd file = saved_code();
  const Guest other; // so that the cache isn't mapped where the first was
  FileGuest guest;
  ASSERT_TRUE(guest.load(file.get()));
  EXPECT_EQ(guest.run_to_system_call(), 15U);
  EXPECT_EQ(guest.translated(), 0U);
  EXPECT_EQ(pages_restored(*guest.machine), 2U);
}

TEST(SavedCode, IsNotUsedForOtherContents) {
  const UniqueFd file = saved_code();
  FileGuest guest(4);
  ASSERT_TRUE(guest.load(file.get()));
  EXPECT_EQ(guest.run_to_system_call(), 20U);
  EXPECT_EQ(pages_restored(*guest.machine), 1U); // the other page's are still good
}

TEST(SavedCode, IsNotUsedForAnotherFile) {
  const UniqueFd file = saved_code();
  FileGuest guest(3, file_identity + 1);
  ASSERT_TRUE(guest.load(file.get()));
  EXPECT_EQ(guest.run_to_system_call(), 15U);
  EXPECT_GT(guest.translated(), 0U);
  EXPECT_EQ(pages_restored(*guest.machine), 0U);
}

TEST(SavedCode, GoesWhenThePageChanges) {
  const UniqueFd file = saved_code();
  FileGuest guest;
  ASSERT_TRUE(guest.load(file.get()));
  EXPECT_EQ(guest.run_to_system_call(), 15U);
  {
    const KernelGuard guard(guest.lock);
    guest.write_page(1, {0x83, 0xc0, 0x05, 0xc3});
  }
  guest.state.rip = shared_code;
  EXPECT_EQ(guest.run_to_system_call(), 25U);
}

TEST(SavedCode, OutlivesSeveralRuns) {
  UniqueFd file = saved_code();
  for (int run = 0; run < 3; ++run) {
    FileGuest guest;
    ASSERT_TRUE(guest.load(file.get()));
    if (run != 1) { // a run that doesn't come past the pages keeps them
      EXPECT_EQ(guest.run_to_system_call(), 15U);
    }
    EXPECT_EQ(guest.translated(), 0U);
    file = saved_by(guest);
  }
}

TEST(SavedCode, CountsRunsThatUseLittleOfIt) {
  UniqueFd file = saved_code();
  EXPECT_EQ(wasted_runs(file.get()), 0U);
  const auto run_of = [&](u64 identity, bool writes) {
    FileGuest guest(3, identity);
    ASSERT_TRUE(guest.load(file.get()));
    EXPECT_EQ(guest.run_to_system_call(), 15U);
    if (writes)
      file = saved_by(guest);
    else
      EXPECT_TRUE(count_run(*guest.machine, file.get()).ok());
  };
  run_of(file_identity + 1, false);
  run_of(file_identity + 1, false);
  EXPECT_EQ(wasted_runs(file.get()), 2U);
  run_of(file_identity + 1, true);
  EXPECT_EQ(wasted_runs(file.get()), 3U);
  run_of(file_identity, false); // half of the pages
  EXPECT_EQ(wasted_runs(file.get()), 0U);
}

TEST(SavedCode, AnonymousMemoryIsNotKept) {
  Guest guest;
  guest.code({0x0f, 0x05});
  EXPECT_EQ(guest.run().reason, ExitReason::system_call);
  const UniqueFd file(::memfd_create("code", MFD_CLOEXEC));
  const KernelGuard guard(guest.lock);
  EXPECT_EQ(save_code(*guest.machine, file.get()).error(), Errno{ENOENT});
}

TEST(SavedCode, DamagedFilesAreRefused) {
  const UniqueFd file = saved_code();
  const u64 size = size_of(file);
  for (u64 at = 0; at < size; at += std::max<u64>(1, size / 97)) {
    u8 byte = 0;
    ASSERT_EQ(::pread(file.get(), &byte, 1, static_cast<off_t>(at)), 1);
    const u8 damaged = byte ^ 0x10;
    ASSERT_EQ(::pwrite(file.get(), &damaged, 1, static_cast<off_t>(at)), 1);
    FileGuest guest;
    // Only the count of wasted runs changes without the checksum.
    constexpr u64 count_at = 64;
    const bool is_count = at - count_at < sizeof(u32);
    EXPECT_EQ(guest.load(file.get()), is_count) << "byte " << at;
    EXPECT_EQ(guest.run_to_system_call(), 15U);
    ASSERT_EQ(::pwrite(file.get(), &byte, 1, static_cast<off_t>(at)), 1);
  }
  FileGuest guest;
  EXPECT_TRUE(guest.load(file.get()));
}

TEST(SavedCode, FilesOfAnotherSizeAreRefused) {
  const UniqueFd file = saved_code();
  const u64 size = size_of(file);
  for (const u64 other : {size + 1, size - 1, size / 2, u64{80}, u64{8}, u64{0}}) {
    ASSERT_EQ(::ftruncate(file.get(), static_cast<off_t>(other)), 0);
    FileGuest guest;
    EXPECT_FALSE(guest.load(file.get())) << other << " bytes";
    EXPECT_EQ(guest.run_to_system_call(), 15U);
  }
}

} // namespace
} // namespace tine::cpu::test
