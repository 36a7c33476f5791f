// A shell in a box, forked: each of the two goes on from what it had read by then.
#include <tine/tine.hpp>

#include <iostream>

int main() try {
  tine::Box box = tine::Box::start({.arguments = {"/bin/sh", "-c", R"(
    read first; echo ready; read second; echo "$first $second"; exit 3)"}});
  box.write("common\n");
  if (!box.read_until("ready", std::chrono::seconds(30))) {
    std::cerr << "the shell does not get ready\n";
    return 1;
  }
  tine::Box copy = box.fork();
  box.write("original\n");
  copy.write("copy\n");
  for (tine::Box *one : {&box, &copy})
    std::cout << one->read_line().value_or("no line") << ", status " << one->wait() << '\n';
  return 0;
} catch (const tine::Error &error) {
  std::cerr << error.what() << '\n';
  return error.exit_status;
}
