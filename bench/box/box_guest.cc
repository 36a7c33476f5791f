// The program whose box bench_box forks.
//
//   box_guest MIB PROCESSES [busy]   fills so much memory, starts further processes that sleep,
//   says
//                                    "ready", and waits for a line (or counts, until it is killed)
//   box_guest MIB PROCESSES mixed    the same with contents as programs have: a quarter each of
//                                    text, of numbers and pointers, of noise, and of zeros
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr std::size_t page = 4096;

unsigned long next_random() {
  static unsigned long state = 1;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

void fill_text(char *to) {
  static const char *const words[] = {"the ",  "page ", "of ",    "a ",     "box ",  "is ",
                                      "read ", "when ", "it ",    "needed", "fork ", "and ",
                                      "file ", "then ", "write ", "memory "};
  for (std::size_t at = 0; at < page;) {
    const char *word = words[next_random() % 16];
    while (*word != 0 && at < page)
      to[at++] = *word++;
  }
}

void fill_numbers(char *to) {
  for (std::size_t at = 0; at < page; at += 16) {
    const unsigned long pair[2] = {0x7f0000000000 + next_random() % (1UL << 30) * 16,
                                   next_random() % 1000};
    std::memcpy(to + at, pair, sizeof pair);
  }
}

void fill_noise(char *to) {
  for (std::size_t at = 0; at < page; at += 8) {
    const unsigned long number = next_random();
    std::memcpy(to + at, &number, sizeof number);
  }
}

/// Runs of 16 pages of a kind. The first byte of a page says which it is.
void fill_mixed(char *memory, std::size_t bytes) {
  for (std::size_t offset = 0; offset < bytes; offset += page) {
    const std::size_t kind = offset / page / 16 % 4;
    if (kind == 0)
      fill_text(memory + offset);
    else if (kind == 1)
      fill_numbers(memory + offset);
    else if (kind == 2)
      fill_noise(memory + offset);
    memory[offset] = kind == 3 ? '\0' : static_cast<char>(1 + offset / page % 100);
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 3)
    return 2;
  const std::size_t bytes = std::strtoul(argv[1], nullptr, 10) << 20;
  auto *memory = static_cast<char *>(
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED)
    return 3;
  const bool mixed = argc > 3 && std::strcmp(argv[3], "mixed") == 0;
  if (mixed)
    fill_mixed(memory, bytes);
  else
    for (std::size_t offset = 0; offset < bytes; offset += page)
      memory[offset] = static_cast<char>(1 + offset / page % 100);
  for (int i = 1; i < std::atoi(argv[2]); ++i)
    if (fork() == 0)
      for (;;)
        pause();
  if (write(1, "ready\n", 6) != 6)
    return 4;
  if (argc > 3 && !mixed)
    for (volatile unsigned long count = 0;;) {
      const unsigned long next = count + 1;
      count = next;
    }
  // What a request finds: all that was there before, and its own change.
  char line[64];
  if (read(0, line, sizeof line) <= 0)
    return 5;
  for (std::size_t offset = 0; offset < bytes; offset += bytes / 8)
    if (memory[offset] != static_cast<char>(1 + offset / page % 100))
      return 6;
  memory[0] = 'x';
  return write(1, "done\n", 5) == 5 ? 0 : 7;
}
