// A process that holds gigabytes and forks for small tasks: what does each fork cost it?
//
//   heavy [--gigabytes N] [--json]
//
// Fills N GiB (default 1), forks a child that lists a directory by exec of /bin/ls, then children
// that write to 0, 1, 100 and 10,000 of its pages, and prints what each cost. It is an ordinary
// Linux program; `make run` runs this same binary on the host, in the box, and in the box with
// copied page tables.
#include "measure.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <vector>

namespace {

constexpr std::size_t page = 4096;

struct Options {
  double gigabytes = 1;
  bool json = false;
};

Options parse(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) {
      options.json = true;
    } else if (std::strcmp(argv[i], "--gigabytes") == 0 && i + 1 < argc) {
      options.gigabytes = std::atof(argv[++i]);
    } else {
      std::fprintf(stderr, "usage: heavy [--gigabytes N] [--json]\n");
      std::exit(2);
    }
  }
  if (!(options.gigabytes >= 0.0625 && options.gigabytes <= 16)) {
    std::fprintf(stderr, "heavy: --gigabytes must be from 0.0625 to 16\n");
    std::exit(2);
  }
  return options;
}

/// Ordinary 4 KiB pages, each one written, each different.
char *fill(std::size_t bytes) {
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("heavy: mmap");
    std::exit(1);
  }
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  char *start = static_cast<char *>(memory);
  for (std::size_t offset = 0; offset < bytes; offset += page)
    std::memcpy(start + offset, &offset, sizeof offset);
  return start;
}

void print_json(const std::vector<Measurement> &rows) {
  std::printf("[");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Measurement &row = rows[i];
    std::printf(
        "%s\n {\"name\": \"%s\", \"fork_ns\": %lld, \"reaped_ns\": %lld, \"shared_bytes\": %lld, "
        "\"private_bytes\": %lld, \"page_table_bytes\": %lld, \"pages_copied\": %lld}",
        i == 0 ? "" : ",", row.name.c_str(), static_cast<long long>(row.fork_ns),
        static_cast<long long>(row.reaped_ns), static_cast<long long>(row.shared_bytes),
        static_cast<long long>(row.private_bytes), static_cast<long long>(row.page_table_bytes),
        static_cast<long long>(row.pages_copied));
  }
  std::printf("\n]\n");
}

void print_table(const std::vector<Measurement> &rows) {
  std::printf("%-22s %12s %12s %12s %12s %12s %8s\n", "child", "fork, us", "reaped, us",
              "shared, MiB", "private, KiB", "tables, KiB", "copied");
  for (const Measurement &row : rows)
    std::printf("%-22s %12.1f %12.1f %12.1f %12lld %12lld %8lld\n", row.name.c_str(),
                static_cast<double>(row.fork_ns) / 1e3, static_cast<double>(row.reaped_ns) / 1e3,
                static_cast<double>(row.shared_bytes) / (1 << 20),
                static_cast<long long>(row.private_bytes / 1024),
                static_cast<long long>(row.page_table_bytes / 1024),
                static_cast<long long>(row.pages_copied));
}

} // namespace

int main(int argc, char **argv) {
  Options options = parse(argc, argv);
  auto bytes = static_cast<std::size_t>(options.gigabytes * (1UL << 30)) / page * page;
  char *memory = fill(bytes);

  std::vector<Measurement> rows;
  std::size_t lines = 0;
  rows.push_back(measure_exec("exec of /bin/ls /usr", "/bin/ls", "/usr", lines));
  bool failed = rows.back().failed || lines == 0;
  for (std::size_t pages : {0UL, 1UL, 100UL, 10000UL}) {
    std::size_t distance = bytes / page / (pages == 0 ? 1 : pages) * page; // spread over all of it
    rows.push_back(measure_child("touches " + std::to_string(pages) + " pages", [=] {
      for (std::size_t i = 0; i < pages; ++i)
        static_cast<volatile char *>(memory)[i * distance] = 1;
    }));
    failed |= rows.back().failed;
  }
  options.json ? print_json(rows) : print_table(rows);
  for (std::size_t offset = 0; offset < bytes && !failed; offset += page)
    failed = std::memcmp(memory + offset, &offset, sizeof offset) != 0;
  if (failed)
    std::fprintf(stderr, "heavy: a child failed, or its writes reached the parent\n");
  return failed ? 1 : 0;
}
