#include "programs.hpp"

#include <cstdint>
#include <fstream>

namespace tine::bench {

namespace {

/// Lines of words with repetition, as text has it; the same at every run.
void write_text(const std::string &path, std::size_t lines) {
  std::ofstream file(path);
  std::uint64_t state = 20;
  const auto next = [&] {
    return (state = state * 6364136223846793005u + 1442695040888963407u) >> 40;
  };
  const char *const syllables[] = {"ta", "ri", "mo", "sen", "ka", "lu", "vi", "dor", "pe", "ash"};
  for (std::size_t line = 0; line < lines; ++line) {
    for (std::uint64_t word = 3 + next() % 9; word > 0; --word) {
      for (std::uint64_t part = 1 + next() % 3; part > 0; --part)
        file << syllables[next() % 10];
      file << ' ';
    }
    file << next() % 100000 << '\n';
  }
}

} // namespace

void write_inputs(const std::string &directory) {
  write_text(directory + "/text", 60'000);
  for (const char *command : {"gzip", "xz"})
    if (is_executable(command)) {
      const Run packed = run({{command, "-c", directory + "/text"}, ""}, 60);
      std::ofstream(directory + "/text." + command, std::ios::binary) << packed.output;
    }
}

std::vector<Program> all_programs(const std::string &workloads, const std::string &scripts,
                                  const std::string &inputs) {
  std::vector<Program> programs;
  const auto add_workload = [&](const std::string &name, const std::string &binary,
                                std::vector<std::string> arguments = {}) {
    for (const char *linkage : {"", "_static"}) {
      std::vector<std::string> command{workloads + "/" + binary + linkage};
      command.insert(command.end(), arguments.begin(), arguments.end());
      programs.push_back({name + (*linkage ? " (static)" : ""), {command, ""}, false});
    }
  };
  for (const char *name :
       {"crc", "sort", "matrix", "interpreter", "fib", "memory", "virtual_calls", "map", "string"})
    add_workload(name, name);
  add_workload("chase 16 KB", "chase", {"16", "60000000"});
  add_workload("chase 64 MB", "chase", {"65536", "1000000"});
  const auto add = [&](const std::string &name, std::vector<std::string> arguments,
                       const std::string &input = "") {
    if (is_executable(arguments[0]))
      programs.push_back({name, {std::move(arguments), input}, true});
  };
  const std::string text = inputs + "/text";
  add("gzip", {"gzip", "-c", text});
  add("gunzip", {"gzip", "-dc"}, text + ".gzip");
  add("xz", {"xz", "-1", "-T1", "-c", text});
  add("unxz", {"xz", "-dc"}, text + ".xz");
  add("bzip2", {"bzip2", "-c", text});
  add("sha256sum", {"sha256sum"}, text);
  add("sort text", {"sort", text});
  add("grep", {"grep", "-c", "-E", "(ta|ri)mo.*sen$|ash.*9", text});
  add("awk", {"awk", "{ n[$1] += $NF } END { for (k in n) s += n[k]; print s }", text});
  add("lua", {"lua5.4", scripts + "/kernels.lua"});
  add("python3", {"/usr/bin/python3", scripts + "/kernels.py"});
  add("sqlite3", {"sqlite3", ":memory:"}, scripts + "/queries.sql");
  return programs;
}

} // namespace tine::bench
