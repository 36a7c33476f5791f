// A search that branches a running program at each of its decisions, and keeps the best way
// through. The program is not written for it: where it waits for an answer, its box is forked, and
// each fork gets another one. What it has done so far is never done again.
//
//   search PROGRAM.py DISTANCES      a square of numbers; prints the shortest round trip
#include <tine/tine.hpp>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Best {
  long length = -1; ///< -1: none yet
  std::vector<std::string> way;
};

class Search {
public:
  /// Goes on from where the box has written a line and may wait for an answer.
  void go_on(tine::Box box, std::vector<std::string> &way) {
    const auto line = box.read_line(std::chrono::seconds(30));
    if (!line)
      throw tine::Error("the program ended without a result", 1);
    std::istringstream words(*line);
    std::string word;
    words >> word;
    if (word == "done") {
      finish(words, way);
      return;
    }
    // Branch and bound: what it has written to its file is a lower bound already.
    if (best_.length >= 0 && !way.empty() &&
        std::stol(box.read_file("/tmp/length")) >= best_.length)
      return;
    for (std::string choice; words >> choice;) {
      tine::Box branch = box.fork();
      ++forks_;
      branch.write(choice + "\n");
      way.push_back(choice);
      go_on(std::move(branch), way);
      way.pop_back();
    }
  }
  [[nodiscard]] const Best &best() const { return best_; }
  [[nodiscard]] long forks() const { return forks_; }

private:
  void finish(std::istream &words, const std::vector<std::string> &way) {
    long length = 0;
    words >> length;
    if (best_.length < 0 || length < best_.length)
      best_ = {length, way};
  }

  Best best_;
  long forks_ = 0;
};

} // namespace

int main(int argc, char **argv) try {
  if (argc != 3) {
    std::cerr << "usage: search PROGRAM.py DISTANCES\n";
    return 2;
  }
  const auto start = std::chrono::steady_clock::now();
  Search search;
  std::vector<std::string> way;
  const std::string program = std::filesystem::absolute(argv[1]);
  const std::string distances = std::filesystem::absolute(argv[2]);
  search.go_on(tine::Box::start({.arguments = {"python3", "-S", program, distances}}), way);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  std::cout << "best " << search.best().length << " by";
  for (const std::string &city : search.best().way)
    std::cout << ' ' << city;
  std::cout << "\n" << search.forks() << " forks in " << time.count() << " s\n";
  return 0;
} catch (const tine::Error &error) {
  std::cerr << error.what() << '\n';
  return error.exit_status;
}
