// The jump caches of a vCPU, layout by layout.
#include "cpu/jump_cache.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace tine::cpu::test {
namespace {

class JumpCacheTest : public ::testing::Test {
protected:
  ~JumpCacheTest() override { ::munmap(&context, sizeof context); }

  static VcpuContext &map() {
    return *static_cast<VcpuContext *>(::mmap(nullptr, sizeof(VcpuContext), PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  }
  u32 code_page(u64 page) const { return context.code_pages[page % code_page_entries].load(); }

  VcpuContext &context = map();
  JumpCache cache{context};
  const u8 host[4] = {};
};

TEST_F(JumpCacheTest, EachLayoutHasItsOwn) {
  cache.select(1);
  cache.remember(0x401000, &host[1]);
  cache.remember_code_page(0x401, 11);
  cache.select(2);
  EXPECT_EQ(cache.find(0x401000), nullptr);
  EXPECT_EQ(code_page(0x401), 0U);
  cache.remember(0x401000, &host[2]);
  cache.remember_code_page(0x401, 22);
  cache.select(1);
  EXPECT_EQ(cache.find(0x401000), &host[1]);
  EXPECT_EQ(code_page(0x401), 11U);
  cache.select(2);
  EXPECT_EQ(cache.find(0x401000), &host[2]);
  EXPECT_EQ(code_page(0x401), 22U);
}

TEST_F(JumpCacheTest, TheFirstEntryBeginsEmptyInEach) {
  for (u64 version = 1; version <= 2 * jump_cache_layouts; ++version) {
    cache.select(version);
    EXPECT_EQ(cache.find(0), nullptr);
    cache.remember(0, host);
    EXPECT_EQ(cache.find(0), host);
  }
}

TEST_F(JumpCacheTest, TheOneThatWasSelectedLongestAgoMakesRoom) {
  for (u64 version = 1; version <= jump_cache_layouts; ++version) {
    cache.select(version);
    cache.remember(0x401000, host);
    cache.remember_code_page(0x401, static_cast<u32>(version));
  }
  for (u64 version = jump_cache_layouts; version >= 1; --version) { // there is room for all
    cache.select(version);
    EXPECT_EQ(cache.find(0x401000), host);
    EXPECT_EQ(code_page(0x401), version);
  }
  for (u64 version = 2; version <= jump_cache_layouts; ++version)
    cache.select(version);
  cache.select(1);
  cache.select(jump_cache_layouts + 1); // for 2
  EXPECT_EQ(cache.find(0x401000), nullptr);
  EXPECT_EQ(code_page(0x401), 0U);
  cache.select(1);
  EXPECT_EQ(cache.find(0x401000), host);
  EXPECT_EQ(code_page(0x401), 1U);
  cache.select(2);
  EXPECT_EQ(cache.find(0x401000), nullptr);
}

TEST_F(JumpCacheTest, WhatIsForgottenIsForgottenInEach) {
  for (const u64 version : {1U, 2U}) {
    cache.select(version);
    cache.remember(0x401000, host);
    cache.remember(0x402000, host);
  }
  cache.forget(0x401000);
  for (const u64 version : {1U, 2U}) {
    cache.select(version);
    EXPECT_EQ(cache.find(0x401000), nullptr);
    EXPECT_EQ(cache.find(0x402000), host);
  }
}

TEST_F(JumpCacheTest, ALayoutThatChangesKeepsWhatItsForkHas) {
  cache.select(1);
  cache.remember(0x401000, &host[1]);
  cache.rename(2); // a fork of layout 1 goes its own way
  cache.remember(0x402000, &host[2]);
  cache.select(1);
  EXPECT_EQ(cache.find(0x402000), nullptr);
  cache.select(2);
  EXPECT_EQ(cache.find(0x401000), &host[1]);
  EXPECT_EQ(cache.find(0x402000), &host[2]);
}

/// More often than its notes have room for.
TEST_F(JumpCacheTest, EntriesThatComeAndGoAreFlushedToo) {
  cache.select(1);
  for (u64 i = 0; i < 5 * jump_cache_entries; ++i) {
    const u64 pc = 0x401000 + i % 3;
    cache.remember(pc, host);
    cache.forget(pc);
  }
  cache.remember(0x401001, host);
  cache.flush();
  EXPECT_EQ(cache.find(0x401001), nullptr);
}

TEST_F(JumpCacheTest, Flushes) {
  for (const u64 version : {1U, 2U}) {
    cache.select(version);
    cache.remember(0x401000, host);
    cache.remember_code_page(0x401, 7);
  }
  cache.flush();
  EXPECT_EQ(cache.find(0x401000), nullptr);
  EXPECT_EQ(code_page(0x401), 0U);
  cache.select(1);
  EXPECT_EQ(cache.find(0x401000), host);
  EXPECT_EQ(code_page(0x401), 7U);
  cache.remember(0x402000, host);
  cache.select(2);
  cache.flush_all();
  cache.select(1);
  EXPECT_EQ(cache.find(0x401000), nullptr);
  EXPECT_EQ(cache.find(0x402000), nullptr);
  EXPECT_EQ(code_page(0x401), 0U);
}

} // namespace
} // namespace tine::cpu::test
