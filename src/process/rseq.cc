#include "process/rseq.hpp"

#include "process/signals.hpp"

#include <csignal>

namespace tine::process {
namespace {

/// struct rseq, as far as glibc 2.36 registers it.
struct RseqArea {
  u32 cpu_id_start = 0, cpu_id = 0;
  u64 critical_section = 0;
  u32 flags = 0, node_id = 0, memory_map_cid = 0, padding = 0;
};
static_assert(sizeof(RseqArea) == 32);
constexpr u64 critical_section_offset = 8, node_offset = 20;
constexpr u32 cpu_uninitialized = ~u32{0};

/// struct rseq_cs.
struct CriticalSection {
  u32 version, flags;
  u64 start, length, abort;
};

/// "the kernel … restarts at abort_ip when the thread was preempted or migrated or got a signal
/// between start_ip and start_ip + post_commit_offset". EINVAL, EFAULT.
Status abort_critical_section(Thread &thread) {
  memory::AddressSpace &memory = *thread.memory;
  const GuestAddress field = thread.rseq + critical_section_offset;
  const u64 address = TINE_TRY(memory.read_object<u64>(field));
  if (address == 0)
    return Done{};
  const auto section = TINE_TRY(memory.read_object<CriticalSection>(GuestAddress{address}));
  if (section.version != 0 || section.abort - section.start < section.length)
    return Errno{EINVAL};
  const bool inside = thread.cpu.rip - section.start < section.length;
  if (inside && TINE_TRY(memory.read_object<u32>(GuestAddress{section.abort - sizeof(u32)})) !=
                    thread.rseq_signature)
    return Errno{EINVAL};
  TINE_TRY(memory.write_object(field, u64{0}));
  if (inside)
    thread.cpu.rip = section.abort;
  return Done{};
}

Status write_ids(Thread &thread, u32 start, u32 cpu) {
  struct Ids {
    u32 start, cpu;
  };
  struct Node {
    u32 node, memory_map_cid;
  };
  TINE_TRY(thread.memory->write_object(thread.rseq, Ids{start, cpu}));
  return thread.memory->write_object(thread.rseq + node_offset, Node{0, start});
}

} // namespace

void resume_rseq(Thread &thread) {
  if (thread.rseq.is_null() || !thread.memory)
    return;
  Status status = abort_critical_section(thread);
  if (status.ok() && thread.vcpu() >= 0 && thread.rseq_cpu != thread.vcpu()) {
    const auto cpu = static_cast<u32>(thread.vcpu());
    status = write_ids(thread, cpu, cpu);
    thread.rseq_cpu = thread.vcpu();
  }
  if (!status.ok())
    force_signal(thread, kernel_signal(SIGSEGV));
}

Status clear_rseq(Thread &thread) {
  return write_ids(thread, 0, cpu_uninitialized);
}

} // namespace tine::process
