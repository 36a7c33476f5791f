// Runs a fuzz target without libFuzzer: every file of a corpus, and changed copies of them.
//
// usage: fuzz_TARGET CORPUS [RUNS [SEED]]
//
// The seed of the changes is random unless it is given, and is printed. An input that fails is left
// beside the program, as fuzz_TARGET-failure.bin, which can be given as a corpus of its own.
#include "fuzz/input.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using tine::u64;
using tine::u8;
using Bytes = std::vector<u8>;

constexpr std::size_t largest_input = 4096;
// For the handler of fatal signals: what runs now, and where it is to be left.
Bytes current;
std::string failure_path;

void save_current(int signal) {
  const int fd = ::open(failure_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd >= 0 && ::write(fd, current.data(), current.size()) >= 0)
    ::close(fd);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::vector<Bytes> read_corpus(const std::filesystem::path &path) {
  std::vector<std::filesystem::path> names;
  if (std::filesystem::is_directory(path)) {
    for (const auto &entry : std::filesystem::directory_iterator(path))
      names.push_back(entry.path());
  } else {
    names.push_back(path);
  }
  std::sort(names.begin(), names.end());
  std::vector<Bytes> corpus;
  for (const auto &name : names) {
    std::ifstream file(name, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

/// Up to eight changes: a byte, a run of random bytes, an interesting number, a cut, a piece of
/// another.
Bytes changed(Bytes bytes, const std::vector<Bytes> &corpus, std::mt19937_64 &random) {
  constexpr u64 interesting[] = {
      0, 1, ~u64{0}, 0x7fffffff, 0x80000000, u64{1} << 63, 4096, 0x7ffffffff000};
  const auto below = [&random](u64 limit) { return limit == 0 ? 0 : random() % limit; };
  for (u64 change = 1 + below(8); change > 0; --change) {
    const auto at = static_cast<std::ptrdiff_t>(below(bytes.size() + 1));
    switch (below(5)) {
    case 0:
      if (static_cast<std::size_t>(at) < bytes.size())
        bytes[static_cast<std::size_t>(at)] ^= static_cast<u8>(1U << below(8));
      break;
    case 1: {
      Bytes run(1 + below(24));
      for (u8 &byte : run)
        byte = static_cast<u8>(random());
      bytes.insert(bytes.begin() + at, run.begin(), run.end());
      break;
    }
    case 2: {
      const u64 number = interesting[below(std::size(interesting))];
      for (std::size_t i = 0; i < 8 && static_cast<std::size_t>(at) + i < bytes.size(); ++i)
        bytes[static_cast<std::size_t>(at) + i] = static_cast<u8>(number >> (8 * i));
      break;
    }
    case 3:
      bytes.erase(bytes.begin() + at, bytes.begin() + at +
                                          static_cast<std::ptrdiff_t>(below(std::min<u64>(
                                              bytes.size() - static_cast<u64>(at) + 1, 64))));
      break;
    default: {
      const Bytes &other = corpus[below(corpus.size())];
      const u64 first = below(other.size()),
                count = below(std::min<u64>(other.size() - first + 1, 256));
      bytes.insert(bytes.begin() + at, other.begin() + static_cast<std::ptrdiff_t>(first),
                   other.begin() + static_cast<std::ptrdiff_t>(first + count));
      break;
    }
    }
  }
  if (bytes.size() > largest_input)
    bytes.resize(largest_input);
  return bytes;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS [RUNS [SEED]]\n", argv[0]);
    return 2;
  }
  const std::vector<Bytes> corpus = read_corpus(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no inputs in %s\n", argv[0], argv[1]);
    return 2;
  }
  const u64 runs = argc > 2 ? std::strtoull(argv[2], nullptr, 0) : 0;
  const u64 seed = argc > 3 ? std::strtoull(argv[3], nullptr, 0) : std::random_device{}();
  failure_path = std::filesystem::read_symlink("/proc/self/exe").string() + "-failure.bin";
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM})
    std::signal(signal, save_current);
  std::printf("%zu inputs, %llu changed ones, seed %llu\n", corpus.size(),
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  std::mt19937_64 random(seed);
  for (u64 run = 0; run < corpus.size() + runs; ++run) {
    current = run < corpus.size() ? corpus[run]
                                  : changed(corpus[random() % corpus.size()], corpus, random);
    ::alarm(20); // an input that takes so long hangs
    LLVMFuzzerTestOneInput(current.data(), current.size());
  }
  return 0;
}
