#include "cpu/vcpu_impl.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <thread>

namespace tine::cpu {

std::unique_ptr<Machine> Machine::create(memory::FrameArena &frames, KernelLock &lock) {
  return MachineImpl::create(frames, lock);
}

std::unique_ptr<MachineImpl> MachineImpl::create(memory::FrameArena &frames, KernelLock &lock) {
  auto cache = CodeCache::create();
  if (!cache)
    return nullptr;
  std::unique_ptr<MachineImpl> machine(new MachineImpl(frames, lock));
  machine->cache = std::move(*cache);
  machine->thunks = emit_thunks(*machine->cache);
  frames.set_code_observer(machine.get());
  install_fault_handlers(*machine);
  return machine;
}

MachineImpl::~MachineImpl() {
  assert(vcpus.empty());
  frames.set_code_observer(nullptr);
}

void MachineImpl::attach(memory::AddressSpace &space, const memory::AddressSpace *forked_from) {
  auto observer = std::make_unique<SpaceObserver>(*this, space);
  const auto *parent =
      forked_from ? static_cast<const SpaceObserver *>(forked_from->observer()) : nullptr;
  if (parent) {
    observer->layout = parent->layout;
    observer->version = parent->version.load();
  } else {
    observer->version = next_layout_version++;
  }
  space.set_observer(observer.get());
  [[maybe_unused]] const bool is_new = observers_.emplace(&space, std::move(observer)).second;
  assert(is_new);
}

void MachineImpl::detach(memory::AddressSpace &space) {
  for (VcpuImpl *vcpu : vcpus)
    vcpu->forget(space);
  space.set_observer(nullptr);
  observers_.erase(&space);
}

CpuCounters MachineImpl::counters() const {
  CpuCounters result = statistics;
  result.code_bytes = cache->code_bytes();
  return result;
}

// The race between a thread that takes a translation away and a vCPU on its way into guest code:
//
//   stop(), kernel lock held              enter(), no lock
//   ------------------------              ----------------
//   exit_word |= exit_stop                in_guest = true
//   while (in_guest) yield                if (exit_word) { in_guest = false; go back }
//   change TLBs, jump cache, code         run translated code with what the caches say
//   release the kernel lock               leave at the next poll: in_guest = false
//
// Both sides store before they load, sequentially consistent, so at least one sees the other:
// either the vCPU backs out, and then waits for the kernel lock before it clears exit_stop, or
// stop() waits for it to leave. Out of guest code the vCPU does not touch what stop()'s caller
// changes without the lock.
void MachineImpl::stop(VcpuImpl &vcpu) {
  if (&vcpu == current_vcpu())
    return;
  vcpu.context->exit_word.fetch_or(exit_stop);
  while (vcpu.in_guest.load())
    std::this_thread::yield();
}

void MachineImpl::reset_cache() {
  for (VcpuImpl *vcpu : vcpus) {
    stop(*vcpu);
    vcpu->jump_cache.flush_all();
  }
  cache->reset();
  code_pages.forget_saved();
  ++statistics.cache_flushes;
}

void MachineImpl::protect_code(FrameNumber frame) {
  if (frame == memory::FrameArena::zero_frame || frames.has_code(frame))
    return;
  frames.mark_code(frame);
  const std::byte *host = frames.pointer(frame);
  for (VcpuImpl *vcpu : vcpus)
    if (vcpu->write_tlb.holds_host_page(host) || vcpu->stack_window_holds(host) ||
        vcpu->windows.writes_reach(host)) {
      stop(*vcpu);
      vcpu->note_removal();
      vcpu->write_tlb.flush_host_page(host);
      vcpu->windows.flush_writes_to(host);
      vcpu->drop_stack_window();
    }
}

void MachineImpl::code_frame_changed(FrameNumber frame) {
  ++statistics.smc_invalidations;
  cache->drop_frame(frame.value, [this](const Block &block) {
    for (VcpuImpl *vcpu : vcpus)
      vcpu->jump_cache.forget(block.pc);
  });
}

bool MachineImpl::frame_for_code(VcpuImpl &vcpu, u64 pc, FrameNumber &frame, Exit &exit) {
  SpaceObserver &observer = *vcpu.observer;
  memory::AddressSpace &space = *vcpu.space.load();
  const PageNumber page = GuestAddress(pc).page();
  if (const auto known = observer.layout->frames.find(page.value);
      known != observer.layout->frames.end()) {
    frame = FrameNumber{known->second.frame};
    vcpu.jump_cache.remember_code_page(page.value, known->second.code_page);
    return true;
  }
  if (pc >= user_address_limit) {
    exit = protection_exit();
    return false;
  }
  const memory::FaultResult result = space.resolve_fault(GuestAddress(pc), memory::Access::execute);
  if (!memory::is_resolved(result.outcome)) {
    exit = page_fault_exit(result.outcome, pc, memory::Access::execute);
    return false;
  }
  const std::optional<FrameNumber> found = space.frame_of(page);
  frame = found.value_or(memory::FrameArena::zero_frame);
  // A layout that forks share may learn only of pages that can't come to differ between them unless
  // code_layout_changed is called: those that nobody may write.
  const auto mapping = space.mapping_at(GuestAddress(pc));
  if (observer.layout.use_count() > 1 && (!mapping || mapping->protection.write)) {
    observer.layout = std::make_shared<Layout>(*observer.layout);
    observer.version = next_layout_version++;
    // Also where other threads of the process run: what they enter belongs to it alone.
    for (VcpuImpl *each : vcpus)
      if (each->space.load() == &space)
        each->jump_cache.rename(observer.version);
  }
  // Before its contents are compared: from here on they don't change unseen.
  protect_code(frame);
  const Layout::Page entry{frame.value,
                           code_pages.enter(page.value, frame.value,
                                            origin_of(mapping, page, frame, identify_object),
                                            frames, *cache)};
  code_pages.for_each_target(entry.code_page, *cache, [&](const Block &block) {
    vcpu.jump_cache.remember(block.pc, cache->at(block.indirect_host));
  });
  observer.layout->frames.emplace(page.value, entry);
  vcpu.jump_cache.remember_code_page(page.value, entry.code_page);
  return true;
}

namespace {
/// Looks at code that is present, for flags_live_at.
class SpaceReader final : public CodeReader {
public:
  explicit SpaceReader(const memory::AddressSpace &space) : space_(space) {}
  [[nodiscard]] std::span<const u8> code_at(u64 pc) const override {
    const u64 page = pc >> page_shift;
    if (page != page_) {
      page_ = page;
      const auto translation =
          pc < user_address_limit ? space_.lookup(GuestAddress(pc)) : std::nullopt;
      bytes_ = nullptr;
      if (translation && translation->executable)
        bytes_ = reinterpret_cast<const u8 *>(translation->host) +
                 ((PageNumber{page} - translation->run.first) << page_shift);
    }
    const u64 offset = pc & page_mask;
    return bytes_ ? std::span<const u8>(bytes_ + offset, page_size - offset)
                  : std::span<const u8>();
  }

private:
  const memory::AddressSpace &space_;
  mutable u64 page_ = ~u64{0};
  mutable const u8 *bytes_ = nullptr;
};
} // namespace

const u8 *MachineImpl::code_for(VcpuImpl &vcpu, u64 pc, BlockMode mode, Exit &exit) {
  TranslationSource source;
  FrameNumber frame;
  if (!frame_for_code(vcpu, pc, frame, exit))
    return nullptr;
  const u64 offset = pc & page_mask;
  const bool near_end = offset > page_size - longest_instruction;
  u32 second = no_index;
  if (near_end) {
    const auto known = vcpu.observer->layout->frames.find((pc >> page_shift) + 1);
    if (known != vcpu.observer->layout->frames.end())
      second = known->second.frame;
  }
  BlockIndex index = cache->find(pc, frame.value, second, mode);
  last_found = index;
  if (index != no_index)
    return cache->at(cache->block(index).host);
  if (!cache->has_room())
    reset_cache();
  protect_code(frame);
  const SpaceReader reader(*vcpu.space.load());
  source.pc = pc;
  source.frame = frame.value;
  source.mode = mode;
  source.reader = &reader;
  const u8 *bytes = reinterpret_cast<const u8 *>(frames.pointer(frame)) + offset;
  source.bytes = std::span<const u8>(bytes, page_size - offset);
  index = translate(*cache, thunks, source, statistics.instructions_translated);
  if (index == no_index) {
    // The instruction goes on on the next page.
    const u64 next_page = round_down_to_page(pc) + page_size;
    FrameNumber second_frame;
    if (!frame_for_code(vcpu, next_page, second_frame, exit))
      return nullptr;
    // A layout that didn't know the next page until now may meet a block that is there already.
    if (index = cache->find(pc, frame.value, second_frame.value, mode); index != no_index) {
      last_found = index;
      return cache->at(cache->block(index).host);
    }
    protect_code(second_frame);
    std::array<u8, 2 * longest_instruction> both{};
    const std::size_t first_length = page_size - offset;
    std::copy_n(bytes, first_length, both.begin());
    std::copy_n(reinterpret_cast<const u8 *>(frames.pointer(second_frame)), longest_instruction,
                both.begin() + static_cast<std::ptrdiff_t>(first_length));
    source.bytes = std::span<const u8>(both.data(), first_length + longest_instruction);
    source.second_frame = second_frame.value;
    index = translate(*cache, thunks, source, statistics.instructions_translated);
    assert(index != no_index);
  }
  ++statistics.blocks_translated;
  last_found = index;
  return cache->at(cache->block(index).host);
}

// ---- what address spaces tell ----

namespace {
bool any_known(const Layout &layout, PageRange range) {
  if (range.count <= layout.frames.size()) {
    for (PageNumber page = range.first; page < range.end(); ++page)
      if (layout.frames.contains(page.value))
        return true;
    return false;
  }
  return std::any_of(layout.frames.begin(), layout.frames.end(),
                     [&](const auto &entry) { return range.contains(PageNumber{entry.first}); });
}
} // namespace

void SpaceObserver::translations_changed(PageRange range, Change change) {
  for (VcpuImpl *vcpu : machine_.vcpus) {
    if (vcpu->space.load() != &space_)
      continue;
    machine_.stop(*vcpu);
    vcpu->note_removal();
    vcpu->write_tlb.flush(range);
    vcpu->windows.flush_writes(range);
    vcpu->drop_stack_window(range);
    if (change == Change::removed) {
      vcpu->read_tlb.flush(range);
      vcpu->windows.flush_reads(range);
    }
  }
  if (change == Change::removed && any_known(*layout, range))
    code_layout_changed(range);
}

void SpaceObserver::code_layout_changed(PageRange range) {
  const bool shared = layout.use_count() > 1;
  if (!shared && !any_known(*layout, range))
    return;
  if (shared)
    layout = std::make_shared<Layout>(*layout);
  std::erase_if(layout->frames,
                [&](const auto &entry) { return range.contains(PageNumber{entry.first}); });
  version = machine_.next_layout_version++;
  for (VcpuImpl *vcpu : machine_.vcpus) {
    if (vcpu->space.load() != &space_)
      continue;
    machine_.stop(*vcpu);
    vcpu->jump_cache.flush();
    vcpu->jump_cache.rename(version);
  }
}

} // namespace tine::cpu
