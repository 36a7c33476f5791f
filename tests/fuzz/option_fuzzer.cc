// What a user types as the value of an option: it is refused with a message, or means what it says.
#include "cli/parse.hpp"
#include "fuzz/input.hpp"

#include <stdexcept>

using namespace tine;

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, std::size_t size) {
  fuzz::Input input({data, size});
  const u8 option = input.take<u8>();
  const std::string text = input.take_string(size);
  try {
    switch (option % 3) {
    case 0: {
      const u64 bytes = cli::parse_size(text);
      fuzz::require(bytes >= page_size, "a size of less than a page");
      fuzz::require(text.find_first_not_of("0123456789KMGTkmgtiB.") == std::string::npos,
                    "a size out of " + text);
      break;
    }
    case 1: {
      const box::Bind bind = cli::parse_bind(text);
      fuzz::require(bind.source.starts_with('/') && bind.target.starts_with('/'),
                    "a relative bind");
      break;
    }
    default: {
      box::BoxOptions options;
      cli::parse_user(text, options);
      fuzz::require(options.groups.size() <= 65536, "groups");
    }
    }
  } catch (const std::invalid_argument &) { // the message is the user's
  }
  return 0;
}
