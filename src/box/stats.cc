#include "box/stats.hpp"

#include "base/log.hpp"
#include "cpu/kept_code.hpp"
#include "memory/node_pool.hpp"
#include "process/accounting.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

namespace tine::box {
namespace {

using nlohmann::ordered_json;

ordered_json percentiles(std::vector<u32> samples) {
  if (samples.empty())
    return nullptr;
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double fraction) {
    return samples[static_cast<std::size_t>(fraction * static_cast<double>(samples.size() - 1))];
  };
  return {{"min", samples.front()},
          {"p50", at(0.50)},
          {"p90", at(0.90)},
          {"p99", at(0.99)},
          {"max", samples.back()}};
}

/// While the box is there.
ordered_json stats_of(Runtime &runtime, Box &box, Nanoseconds wall_time) {
  process::Host &host = runtime.host();
  const process::KernelCounters &kernel = box.kernel().counters;
  const memory::FaultCounters faults = process::fault_totals(box.kernel());
  const cpu::CpuCounters cpu = host.machine.counters();
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto microseconds = [](const timeval &time) {
    return time.tv_sec * 1'000'000 + time.tv_usec;
  };
  return {
      {"time",
       {{"wall_us", wall_time / 1000},
        {"host_user_us", microseconds(usage.ru_utime)},
        {"host_system_us", microseconds(usage.ru_stime)}}},
      {"faults",
       {{"zero_filled", faults.zero_filled},
        {"file_pages", faults.file_pages},
        {"copied", faults.copied},
        {"reused", faults.reused},
        {"tlb_misses", cpu.tlb_misses}}},
      {"processes",
       {{"forks", kernel.forks},
        {"vforks", kernel.vforks},
        {"threads", kernel.threads},
        {"execs", kernel.execs},
        {"exits", kernel.exits},
        {"fork_ns", percentiles(kernel.fork_nanoseconds)}}},
      {"system_calls", kernel.system_calls},
      {"context_switches", kernel.context_switches},
      {"translation",
       {{"blocks", cpu.blocks_translated},
        {"instructions", cpu.instructions_translated},
        {"pages_restored", cpu::pages_restored(host.machine)},
        {"code_bytes", cpu.code_bytes},
        {"cache_flushes", cpu.cache_flushes},
        {"self_modified", cpu.smc_invalidations}}},
      {"memory",
       {{"frames_in_use", host.frames.frames_in_use()},
        {"arena_host_bytes", host.frames.host_bytes()},
        {"host_max_resident_kib", usage.ru_maxrss}}},
  };
}

} // namespace

i64 open_host_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator first("/proc/self/fd", error);
  return error ? 0 : std::distance(begin(first), end(first));
}

void write_stats(StatsSubject subject, const std::string &file) {
  ordered_json stats = stats_of(subject.runtime, subject.boxes->original(), subject.wall_time);
  subject.boxes = nullptr;
  memory::FrameArena &frames = subject.runtime.host().frames;
  stats["left"] = {{"frames", frames.frames_in_use()},
                   {"page_table_nodes", frames.nodes().nodes_in_use()},
                   {"host_descriptors", open_host_descriptors() - subject.descriptors_before}};
  if (file.empty()) {
    std::cerr << stats.dump(2) << '\n';
    return;
  }
  std::ofstream output(file);
  output << stats.dump(2) << '\n';
  if (!output.flush())
    log::error("--stats={}: cannot be written", file);
}

} // namespace tine::box
