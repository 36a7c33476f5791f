// bench/compute: each program natively, in a box and under qemu-user, in turn, and how they
// compare.
#include "programs.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unistd.h>

namespace tine::bench {
namespace {

struct Options {
  std::string tine;
  std::string qemu = "qemu-x86_64";
  std::string workloads = own_directory();
  std::string scripts = own_directory() + "/scripts";
  std::string json;
  std::vector<std::string> only;
  std::vector<std::string> tine_options;
  int runs = 3;
  double timeout = 120;
  bool wall = false;
  bool without_qemu = false;
  bool without_tine = false;
};

/// One program's runs by mode: "native", "tine", "qemu".
struct Row {
  std::string name;
  bool whole_program = false;
  std::map<std::string, std::vector<Run>> runs;
  std::string problem;

  [[nodiscard]] double time(const std::string &mode, bool wall) const {
    std::vector<double> values;
    const auto found = runs.find(mode);
    if (found != runs.end())
      for (const Run &run : found->second)
        values.push_back(wall ? run.wall_seconds : run.cpu_seconds);
    return median(values);
  }
  /// Median of the ratios of runs that followed each other; 0 if there are none.
  [[nodiscard]] double ratio(const std::string &of, const std::string &to, bool wall) const {
    const auto numerator = runs.find(of), denominator = runs.find(to);
    if (numerator == runs.end() || denominator == runs.end())
      return 0;
    std::vector<double> values;
    for (std::size_t i = 0; i < std::min(numerator->second.size(), denominator->second.size());
         ++i) {
      const Run &a = numerator->second[i], &b = denominator->second[i];
      values.push_back(wall ? a.wall_seconds / b.wall_seconds : a.cpu_seconds / b.cpu_seconds);
    }
    return median(values);
  }
};

Command in_mode(const Command &command, const std::string &mode, const Options &options) {
  Command changed = command;
  std::vector<std::string> prefix;
  if (mode == "tine") {
    prefix = {options.tine, "run"};
    prefix.insert(prefix.end(), options.tine_options.begin(), options.tine_options.end());
    prefix.push_back("--");
  } else if (mode == "qemu") {
    prefix = {options.qemu};
    // qemu-user takes a path, not a name.
    if (command.arguments[0].find('/') == std::string::npos)
      changed.arguments[0] = "/usr/bin/" + command.arguments[0];
  }
  changed.arguments.insert(changed.arguments.begin(), prefix.begin(), prefix.end());
  return changed;
}

Row measure(const Program &program, const std::vector<std::string> &modes, const Options &options) {
  Row row{program.name, program.whole_program, {}, {}};
  std::string expected;
  for (int round = 0; round < options.runs; ++round)
    for (const std::string &mode : modes) {
      if (!row.problem.empty() && row.problem.starts_with(mode))
        continue;
      Run run = bench::run(in_mode(program.command, mode, options), options.timeout);
      if (!run.succeeded()) {
        row.problem = fmt::format(
            "{}: {}", mode, run.timed_out ? "timed out" : fmt::format("status {:#x}", run.status));
        row.runs.erase(mode);
        continue;
      }
      if (mode == "native")
        expected = run.output;
      else if (run.output != expected)
        row.problem = mode + ": its output differs from the native one";
      row.runs[mode].push_back(std::move(run));
    }
  return row;
}

std::string cell(double value, const char *format) {
  return value > 0 ? fmt::format(fmt::runtime(format), value) : std::string("-");
}

void print_row(const Row &row, bool wall) {
  fmt::print("{:<24} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8}  {}\n", row.name,
             cell(row.time("native", wall) * 1e3, "{:.1f}"),
             cell(row.time("tine", wall) * 1e3, "{:.1f}"),
             cell(row.time("qemu", wall) * 1e3, "{:.1f}"),
             cell(row.ratio("tine", "native", wall), "{:.2f}"),
             cell(row.ratio("qemu", "native", wall), "{:.2f}"),
             cell(row.ratio("tine", "qemu", wall), "{:.2f}"), row.problem);
  std::fflush(stdout);
}

nlohmann::json to_json(const Row &row) {
  nlohmann::json json{{"name", row.name}, {"whole_program", row.whole_program}};
  for (const auto &[mode, runs] : row.runs) {
    nlohmann::json &list = json["runs"][mode];
    for (const Run &run : runs)
      list.push_back({{"wall_seconds", run.wall_seconds}, {"cpu_seconds", run.cpu_seconds}});
  }
  for (const bool wall : {false, true}) {
    nlohmann::json &ratios = json[wall ? "wall_ratio" : "cpu_ratio"];
    ratios["tine_native"] = row.ratio("tine", "native", wall);
    ratios["qemu_native"] = row.ratio("qemu", "native", wall);
    ratios["tine_qemu"] = row.ratio("tine", "qemu", wall);
  }
  if (!row.problem.empty())
    json["problem"] = row.problem;
  return json;
}

/// Geometric means and the worst, against the budget of docs/: 1.5 in the mean, no program
/// over 2.5.
nlohmann::json summarise(const std::vector<Row> &rows, bool wall) {
  std::vector<double> tine, qemu;
  double worst = 0;
  for (const Row &row : rows) {
    if (const double ratio = row.ratio("tine", "native", wall); ratio > 0) {
      tine.push_back(ratio);
      worst = std::max(worst, ratio);
    }
    if (const double ratio = row.ratio("qemu", "native", wall); ratio > 0)
      qemu.push_back(ratio);
  }
  fmt::print("\ntimes over native, geometric mean: tine {:.2f} (budget 1.5), qemu-user {:.2f}; "
             "tine's worst {:.2f} (budget 2.5)\n",
             geometric_mean(tine), geometric_mean(qemu), worst);
  return {{"tine_native", geometric_mean(tine)},
          {"qemu_native", geometric_mean(qemu)},
          {"tine_worst", worst},
          {"budget_mean", 1.5},
          {"budget_worst", 2.5}};
}

int compare(const Options &options) {
  std::vector<std::string> modes{"native"};
  for (const auto &[mode, command, is_left_out] :
       {std::tuple("tine", options.tine, options.without_tine),
        std::tuple("qemu", options.qemu, options.without_qemu)}) {
    if (is_left_out)
      continue;
    if (!is_executable(command)) {
      fmt::print(stderr, "compute: {} can't be executed; --no-{} leaves it out\n", command, mode);
      return 2;
    }
    modes.emplace_back(mode);
  }
  const std::string inputs = fmt::format("/tmp/tine-bench-{}", getpid());
  std::filesystem::create_directory(inputs);
  write_inputs(inputs);
  fmt::print("{} time in ms, medians of {}; ratios are medians of paired runs\n",
             options.wall ? "wall" : "user and system", options.runs);
  fmt::print("{:<24} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8}\n", "program", "native", "tine", "qemu",
             "tine/nat", "qemu/nat", "tine/qemu");
  std::vector<Row> rows;
  for (const Program &program : all_programs(options.workloads, options.scripts, inputs)) {
    const auto named = [&](const std::string &part) {
      return program.name.find(part) != std::string::npos;
    };
    if (!options.only.empty() && std::none_of(options.only.begin(), options.only.end(), named))
      continue;
    rows.push_back(measure(program, modes, options));
    print_row(rows.back(), options.wall);
  }
  nlohmann::json json{
      {"benchmark", "compute"}, {"runs", options.runs}, {"rows", nlohmann::json::array()}};
  for (const Row &row : rows)
    json["rows"].push_back(to_json(row));
  json["summary"] = summarise(rows, options.wall);
  std::filesystem::remove_all(inputs);
  if (rows.empty()) {
    fmt::print(stderr, "compute: no program has such a name\n");
    return 2;
  }
  if (!options.json.empty())
    std::ofstream(options.json) << json.dump(2) << '\n';
  return std::any_of(rows.begin(), rows.end(), [](const Row &row) { return !row.problem.empty(); });
}

} // namespace
} // namespace tine::bench

int main(int argc, char **argv) {
  tine::bench::Options options;
  options.tine = tine::bench::own_directory() + "/../../tine";
  CLI::App app{"Compares programs natively, under tine and under qemu-user."};
  app.add_option("--tine", options.tine, "the tine command");
  app.add_option("--tine-option", options.tine_options, "an option of `tine run`");
  app.add_option("--qemu", options.qemu, "the qemu-user command");
  app.add_option("--json", options.json, "write the figures to this file");
  app.add_option("--runs", options.runs, "how often each is run")->check(CLI::Range(1, 1000));
  app.add_option("--timeout", options.timeout, "seconds that a run may take");
  app.add_option("--scripts", options.scripts, "where the scripts are");
  app.add_flag("--wall", options.wall, "compare wall-clock time, not CPU time");
  app.add_flag("--no-qemu", options.without_qemu, "leave qemu-user out");
  app.add_flag("--no-tine", options.without_tine, "leave tine out");
  app.add_option("program", options.only, "only programs whose name contains one of these");
  CLI11_PARSE(app, argc, argv);
  return tine::bench::compare(options);
}
