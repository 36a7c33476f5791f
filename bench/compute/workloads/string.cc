// std::string: concatenation, search, hashing in an unordered_map.
#include <cstdio>
#include <string>
#include <unordered_map>

int main() {
  std::unordered_map<std::string, int> counts;
  std::string text;
  unsigned state = 17;
  for (int i = 0; i < 60'000; ++i) {
    state = state * 1103515245 + 12345;
    text += "word" + std::to_string((state >> 16) % 3000) + (i % 11 ? " " : "\n");
  }
  std::size_t found = 0;
  for (int round = 0; round < 40; ++round) {
    std::string word;
    for (const char letter : text) {
      if (letter != ' ' && letter != '\n') {
        word += letter;
        continue;
      }
      ++counts[word];
      word.clear();
    }
    for (std::size_t at = text.find("word42"); at != std::string::npos;
         at = text.find("word42", at + 1))
      ++found;
  }
  std::printf("%zu %d %zu\n", counts.size(), counts["word7"], found);
}
