// Measures the fork of a running box as the caller of the C++ API sees it: a table, and with --json
// a file.
#include "common/measure.hpp"

#include <tine/tine.hpp>

#include <algorithm>
#include <chrono>
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>

namespace tine::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string json;
  std::vector<unsigned> sizes{64, 4096};       ///< MiB
  std::vector<unsigned> saved{64, 1024, 4096}; ///< MiB
  std::string folder = "/tmp";                 ///< of the files that boxes are saved in
  unsigned rounds = 1000, requests = 1000, idle = 10'000;
};

struct Row {
  std::string name, unit;
  double value = 0;
  double budget = 0; ///< 0: none
};

double nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

/// Bytes of memory that this process has: /proc/self/statm.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

constexpr const char *python_server = R"(
import os, sys, json, decimal, random, re
print("ready", flush=True)
line = sys.stdin.readline()
print(eval(line), flush=True)
os._exit(0)
)";

class Bench {
public:
  explicit Bench(const Options &options) : options_(options) {}

  int run() {
    for (const unsigned processes : {1U, 10U})
      for (const unsigned size : options_.sizes)
        measure_fork(size, processes, false);
    measure_fork(options_.sizes.front(), 1, true);
    measure_python();
    measure_idle();
    for (const unsigned size : options_.saved)
      measure_save(size);
    print();
    write_json();
    return failures_ == 0 ? 0 : 1;
  }

private:
  void add(const std::string &name, double value, double budget, const char *unit = "ns") {
    rows_.push_back({name, unit, value, budget});
  }
  void fail(const std::string &what) {
    fmt::print("failed: {}\n", what);
    ++failures_;
  }

  /// A box with the guest in it, which is ready.
  std::optional<Box> start_guest(unsigned mebibytes, unsigned processes, const char *mode) {
    BoxOptions options;
    options.arguments = {own_directory() + "/box_guest", std::to_string(mebibytes),
                         std::to_string(processes)};
    if (*mode != 0)
      options.arguments.emplace_back(mode);
    Box box = Box::start(options);
    if (!box.read_until("ready", std::chrono::minutes(5))) {
      fail(fmt::format("the guest with {} MiB does not get ready", mebibytes));
      return std::nullopt;
    }
    return box;
  }

  void measure_fork(unsigned mebibytes, unsigned processes, bool busy) {
    std::optional<Box> original = start_guest(mebibytes, processes, busy ? "busy" : "");
    if (!original)
      return;
    std::vector<double> times, ends;
    for (unsigned round = 0; round < options_.rounds; ++round) {
      const auto start = Clock::now();
      std::optional<Box> copy = original->fork();
      times.push_back(nanoseconds_since(start));
      if (round + 1 == options_.rounds && !busy && !serves(*copy))
        fail("the last copy doesn't go on as it should");
      const auto end = Clock::now();
      copy.reset();
      ends.push_back(nanoseconds_since(end));
    }
    std::sort(times.begin(), times.end());
    const std::string name =
        fmt::format("{} process{}, {} MiB{}", processes, processes == 1 ? "" : "es", mebibytes,
                    busy ? ", computing" : "");
    add(name + ": fork p50", times[times.size() / 2], processes == 1 ? 20e3 : 60e3);
    add(name + ": fork p99", times[times.size() * 99 / 100], 200e3);
    add(name + ": end of a copy p50", median(ends), 0);
  }

  static bool serves(Box &box) {
    box.write("go\n");
    const auto line = box.read_line(std::chrono::seconds(20));
    return line && *line == "done" && box.wait() == 0;
  }

  void measure_python() {
    if (!is_executable("python3"))
      return;
    Box warm = Box::start({.arguments = {"python3", "-c", python_server}});
    if (!warm.read_until("ready", std::chrono::minutes(1)))
      return fail("python3 does not get ready");
    std::vector<double> forks;
    const auto start = Clock::now();
    for (unsigned number = 0; number < options_.requests; ++number) {
      const auto begin = Clock::now();
      Box copy = warm.fork();
      forks.push_back(nanoseconds_since(begin));
      copy.write(fmt::format("{} * 2\n", number));
      const auto answer = copy.read_line(std::chrono::seconds(20));
      if (!answer || *answer != std::to_string(number * 2) || copy.wait() != 0)
        return fail("a fork of python3 gives a wrong answer");
    }
    const double total = nanoseconds_since(start);
    add("warm python3: fork p50", median(forks), 0);
    add("warm python3: 1000 forks, a line each", total * 1000 / options_.requests, 0.5e9);
  }

  void measure_idle() {
    std::optional<Box> original = start_guest(options_.sizes.front(), 1, "");
    if (!original)
      return;
    std::vector<Box> copies;
    copies.reserve(options_.idle);
    const double before = resident_bytes();
    const auto start = Clock::now();
    for (unsigned i = 0; i < options_.idle; ++i)
      copies.push_back(original->fork());
    const double time = nanoseconds_since(start);
    ::usleep(100'000); // until the last of them waits again
    const double each = (resident_bytes() - before) / options_.idle;
    add(fmt::format("{} idle forks: time of each", options_.idle), time / options_.idle, 0);
    add("memory of an idle fork", each, 32768, "bytes");
    for (Box &copy : copies)
      if (&copy == &copies.front() || &copy == &copies.back())
        if (!serves(copy))
          fail("an idle fork doesn't go on as it should");
  }

  /// To a file, and from the file to the first answer of the box.
  void measure_save(unsigned mebibytes) {
    std::optional<Box> original = start_guest(mebibytes, 1, "mixed");
    if (!original)
      return;
    const std::string path = fmt::format("{}/bench_box.{}.tine", options_.folder, ::getpid());
    const double bytes = mebibytes * 1048576.0;
    std::vector<double> saves, replacing, restores, answers;
    for (int round = 0; round < 6; ++round) {
      const bool anew = round % 2 == 0;
      if (anew)
        std::filesystem::remove(path);
      const auto start = Clock::now();
      original->save(path);
      (anew ? saves : replacing).push_back(nanoseconds_since(start));
    }
    original.reset();
    for (int round = 0; round < 5; ++round) {
      const auto start = Clock::now();
      Box copy = Box::restore(path);
      restores.push_back(nanoseconds_since(start));
      if (!serves(copy))
        fail("a restored box doesn't go on as it should");
      answers.push_back(nanoseconds_since(start));
    }
    const std::string name = fmt::format("{} MiB", mebibytes);
    add(name + ": save", median(saves), bytes / 1073741824.0 * 1e9);
    add(name + ": save over an earlier file", median(replacing), 0);
    add(name + ": file", static_cast<double>(std::filesystem::file_size(path)), 0, "bytes");
    add(name + ": restore, ready to run", median(restores), 5e6);
    add(name + ": restore, first answer read", median(answers), 0);
    std::filesystem::remove(path);
  }

  void print() const {
    fmt::print("{:<44} {:>14} {:>14}\n", "", "tine", "budget");
    for (const Row &row : rows_)
      fmt::print("{:<44} {:>14} {:>14}{}\n", row.name, show(row.value, row.unit),
                 row.budget > 0 ? show(row.budget, row.unit) : std::string("-"),
                 row.budget <= 0           ? ""
                 : row.value <= row.budget ? "  met"
                                           : "  over");
  }
  static std::string show(double value, const std::string &unit) {
    return unit == "bytes" ? fmt::format("{:.1f} KiB", value / 1024)
                           : fmt::format("{:.1f} us", value / 1e3);
  }
  void write_json() const {
    if (options_.json.empty())
      return;
    nlohmann::json json{{"benchmark", "box"}, {"rows", nlohmann::json::array()}};
    for (const Row &row : rows_) {
      nlohmann::json entry{{"name", row.name}, {"unit", row.unit}, {"tine", row.value}};
      if (row.budget > 0)
        entry["budget"] = row.budget;
      json["rows"].push_back(entry);
    }
    std::ofstream(options_.json) << json.dump(2) << '\n';
  }

  const Options &options_;
  std::vector<Row> rows_;
  int failures_ = 0;
};

} // namespace
} // namespace tine::bench

int main(int argc, char **argv) try {
  tine::bench::Options options;
  CLI::App app{"Measures the fork of a running box by the C++ API."};
  app.add_option("--json", options.json, "write the figures to this file");
  app.add_option("--sizes", options.sizes, "sizes of the forked program in MiB")->delimiter(',');
  app.add_option("--rounds", options.rounds, "forks of each size");
  app.add_option("--requests", options.requests, "forks of a warm python3");
  app.add_option("--saved", options.saved, "sizes of the saved program in MiB")->delimiter(',');
  app.add_option("--folder", options.folder, "where the files of saved boxes are");
  app.add_option("--idle", options.idle, "idle forks at once");
  CLI11_PARSE(app, argc, argv);
  return tine::bench::Bench(options).run();
} catch (const tine::Error &error) {
  fmt::print(stderr, "bench_box: {}\n", error.what());
  return error.exit_status;
}
