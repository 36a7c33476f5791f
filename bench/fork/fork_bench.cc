// bench/fork: what fork and its kin cost natively and in a box, the same binary on both sides,
// beside the budgets of the design.
#include "children.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <unistd.h>

namespace tine::bench {
namespace {

struct Options {
  std::string tine = own_directory() + "/../../tine";
  std::string json;
  std::vector<std::string> tine_options;
  std::vector<unsigned> sizes{1, 64, 1024};
  unsigned children = 10'000;
  unsigned native_children = 200; ///< each has page tables of its own: 2 MB at 1 GiB
  bool without_tine = false;
};

/// A figure in nanoseconds (or bytes), by side; the budget is tine's.
struct Row {
  std::string name;
  std::optional<double> native, tine;
  double budget = 0;
  bool bytes = false;
};

class Table {
public:
  Row &row(const std::string &name) {
    for (Row &row : rows_)
      if (row.name == name)
        return row;
    rows_.push_back({name, {}, {}, 0, false});
    return rows_.back();
  }
  std::vector<Row> &rows() { return rows_; }

private:
  std::vector<Row> rows_;
};

double budget_of(const std::string &name) {
  static const std::vector<std::pair<std::string, double>> budgets{{"fork+exit+wait", 10e3},
                                                                   {"fork+exec", 0},
                                                                   {"python3 os.fork", 100e3},
                                                                   {"getppid", 60},
                                                                   {"copying write", 600},
                                                                   {"zero-fill", 500},
                                                                   {"children: fork", 2e3},
                                                                   {"bare children: fork", 2e3},
                                                                   {"children: memory", 8192},
                                                                   {"bare children: memory", 8192},
                                                                   {"fork ", 2e3}};
  for (const auto &[prefix, value] : budgets)
    if (name.starts_with(prefix))
      return value;
  return 0;
}

std::string show(const std::optional<double> &value, bool bytes) {
  if (!value)
    return "-";
  if (bytes)
    return fmt::format("{:.1f} KB", *value / 1024);
  if (*value < 1e4)
    return fmt::format("{:.0f} ns", *value);
  return *value < 1e7 ? fmt::format("{:.1f} us", *value / 1e3)
                      : fmt::format("{:.1f} ms", *value / 1e6);
}

class Bench {
public:
  explicit Bench(const Options &options) : options_(options) {}

  int run() {
    measure_guest();
    measure_shell();
    measure_python();
    measure_live_children("children");
    measure_live_children("bare-children");
    print();
    write_json();
    return failures_ == 0 ? 0 : 1;
  }

private:
  [[nodiscard]] bool with_tine() const {
    return !options_.without_tine && is_executable(options_.tine);
  }

  Command boxed(const Command &command) const {
    Command changed = command;
    std::vector<std::string> prefix{options_.tine, "run"};
    prefix.insert(prefix.end(), options_.tine_options.begin(), options_.tine_options.end());
    prefix.push_back("--");
    changed.arguments.insert(changed.arguments.begin(), prefix.begin(), prefix.end());
    return changed;
  }

  /// Calls take(value of a row, run) for both sides.
  template <typename Take> void on_both_sides(const Command &command, const Take &take) {
    for (const bool in_box : {false, true}) {
      if (in_box && !with_tine())
        continue;
      const Run run = bench::run(in_box ? boxed(command) : command, 600);
      if (!run.succeeded()) {
        fmt::print("{} {}: status {:#x}{}\n", in_box ? "tine" : "native", command.arguments[0],
                   run.status, run.timed_out ? ", timed out" : "");
        ++failures_;
      }
      take(run, in_box);
    }
  }

  void set(const std::string &name, double value, bool in_box, bool bytes = false) {
    Row &row = table_.row(name);
    (in_box ? row.tine : row.native) = value;
    row.budget = budget_of(name);
    row.bytes = bytes;
  }

  void measure_guest() {
    Command command{{own_directory() + "/fork_guest"}, ""};
    for (const unsigned size : options_.sizes)
      command.arguments.push_back(std::to_string(size));
    on_both_sides(command, [&](const Run &run, bool in_box) {
      std::istringstream lines(run.output);
      for (std::string line; std::getline(lines, line);) {
        const std::size_t space = line.rfind(' ');
        if (space != std::string::npos)
          set(line.substr(0, space), std::atof(line.c_str() + space), in_box);
      }
    });
  }

  /// A shell's loop that executes a program a thousand times.
  void measure_shell() {
    const std::string script = "i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i+1)); done";
    on_both_sides({{"/bin/sh", "-c", script}, ""}, [&](const Run &run, bool in_box) {
      if (run.succeeded())
        set("sh: 1,000 times /bin/true", run.wall_seconds * 1e9, in_box);
    });
  }

  void measure_python() {
    const std::string python = "/usr/bin/python3";
    if (!is_executable(python))
      return;
    const std::string script = "import os,time\n"
                               "ts=[]\n"
                               "for i in range(60):\n"
                               "  t=time.perf_counter_ns()\n"
                               "  p=os.fork()\n"
                               "  if p==0: os._exit(0)\n"
                               "  os.waitpid(p,0)\n"
                               "  ts.append(time.perf_counter_ns()-t)\n"
                               "print(sorted(ts)[30])\n";
    on_both_sides({{python, "-S", "-c", script}, ""}, [&](const Run &run, bool in_box) {
      if (run.succeeded())
        set("python3 os.fork+wait", std::atof(run.output.c_str()), in_box);
    });
    for (int round = 0; round < 5; ++round)
      on_both_sides({{python, "-S", "-c", "print(1)"}, ""}, [&](const Run &run, bool in_box) {
        if (!run.succeeded())
          return;
        starts_[in_box].push_back(run.wall_seconds * 1e9);
        set("python3 -S -c 'print(1)'", median(starts_[in_box]), in_box);
      });
  }

  /// Those of fork(3), which write several pages before they sleep, and those that only sleep.
  void measure_live_children(const std::string &kind) {
    const std::string name = kind == "children" ? "children" : "bare children";
    for (const bool in_box : {false, true}) {
      if (in_box && !with_tine())
        continue;
      const unsigned count = in_box ? options_.children : options_.native_children;
      const Command command{{own_directory() + "/fork_guest", kind, std::to_string(count), "1024"},
                            ""};
      const Children children = measure_children(in_box ? boxed(command) : command, in_box);
      if (!children.succeeded) {
        fmt::print("{}: the live {} failed\n", in_box ? "tine" : "native", name);
        ++failures_;
        continue;
      }
      fmt::print("{}: {} live {} of a parent with 1 GiB\n", in_box ? "tine" : "native",
                 children.count, name);
      set(name + ": fork", children.fork_nanoseconds, in_box);
      set(name + ": memory each", children.bytes_per_child, in_box, true);
    }
  }

  void print() {
    fmt::print("{:<28} {:>12} {:>12} {:>10} {:>12}\n", "medians", "native", "tine", "native/tine",
               "budget");
    for (const Row &row : table_.rows()) {
      const std::string ratio =
          row.native && row.tine ? fmt::format("{:.1f}", *row.native / *row.tine) : "-";
      const char *verdict = "";
      if (row.budget > 0 && row.tine)
        verdict = *row.tine <= row.budget ? "  met" : "  over";
      fmt::print("{:<28} {:>12} {:>12} {:>10} {:>12}{}\n", row.name, show(row.native, row.bytes),
                 show(row.tine, row.bytes), ratio,
                 row.budget > 0 ? show(row.budget, row.bytes) : std::string("-"), verdict);
    }
  }

  void write_json() {
    if (options_.json.empty())
      return;
    nlohmann::json json{{"benchmark", "fork"}, {"rows", nlohmann::json::array()}};
    for (const Row &row : table_.rows()) {
      nlohmann::json entry{{"name", row.name}, {"unit", row.bytes ? "bytes" : "ns"}};
      if (row.native)
        entry["native"] = *row.native;
      if (row.tine)
        entry["tine"] = *row.tine;
      if (row.budget > 0)
        entry["budget"] = row.budget;
      json["rows"].push_back(entry);
    }
    std::ofstream(options_.json) << json.dump(2) << '\n';
  }

  const Options &options_;
  Table table_;
  std::map<bool, std::vector<double>> starts_;
  int failures_ = 0;
};

} // namespace
} // namespace tine::bench

int main(int argc, char **argv) {
  tine::bench::Options options;
  CLI::App app{"Measures fork natively and in a box."};
  app.add_option("--tine", options.tine, "the tine command");
  app.add_option("--tine-option", options.tine_options,
                 "an option of `tine run`, e.g. --page-tables=copied");
  app.add_option("--json", options.json, "write the figures to this file");
  app.add_option("--sizes", options.sizes, "sizes of the forking process in MiB")->delimiter(',');
  app.add_option("--children", options.children, "live children in the box");
  app.add_option("--native-children", options.native_children, "live children natively");
  app.add_flag("--no-tine", options.without_tine, "measure the host only");
  CLI11_PARSE(app, argc, argv);
  // Kept translations of these runs alone: what else the caller has run would be read, too.
  const std::string cache =
      std::filesystem::temp_directory_path() / fmt::format("bench_fork.{}", ::getpid());
  ::setenv("XDG_CACHE_HOME", cache.c_str(), 1);
  const int status = tine::bench::Bench(options).run();
  std::filesystem::remove_all(cache);
  return status;
}
