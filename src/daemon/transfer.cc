// `tine cp`: files out of a box, and into it. Both ways the same sequence:
//
//   {"entry": "directory", "name": N, "mode": M, "mtime": [S, NS]}  ...what is in it...  {"leave":
//   true}
//   {"entry": "file", "name": N, "mode": M, "mtime": [S, NS]}  data frames, the last one empty
//   {"entry": "link", "name": N, "target": T}
//   {"entry": "skipped", "name": N, "why": TEXT}                    out of the box only
//   {"done": true}
#include "daemon/session.hpp"

#include "box/file_view.hpp"
#include "fs/plain_files.hpp"

#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>

namespace tine::daemon {
namespace {

constexpr std::size_t deepest = 1000; ///< directories in directories

std::string text(Errno error) {
  return ::strerror(static_cast<int>(error));
}

/// The last component; "/" has none.
std::string last_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

class Downloading final : public Activity {
public:
  Downloading(Family &family, std::shared_ptr<KeptBox> kept, std::string path)
      : family_(family), kept_(std::move(kept)), path_(std::move(path)) {
    const KernelGuard guard(family_.lock());
    tree_.emplace(kept_->kernel());
  }
  ~Downloading() override {
    const KernelGuard guard(family_.lock());
    file_ = nullptr;
    levels_.clear();
    tree_.reset();
  }

  void go_on(Session &session) override {
    while (session.has_room()) {
      const KernelGuard guard(family_.lock());
      if (!step(session)) {
        session.finish();
        return;
      }
    }
  }

private:
  struct Level {
    fs::Path directory;
    std::vector<fs::DirectoryEntry> entries;
    std::size_t next = 0;
  };

  /// False at the end.
  bool step(Session &session) {
    if (file_)
      return send_data(session);
    if (!std::exchange(begun_, true))
      return send_first(session);
    if (levels_.empty()) {
      session.send({{"done", true}});
      return false;
    }
    Level &level = levels_.back();
    if (level.next == level.entries.size()) {
      levels_.pop_back();
      session.send({{"leave", true}});
      return true;
    }
    const std::string name = level.entries[level.next++].name;
    auto found = tree_->find(level.directory, name, {.follow_last = false});
    if (found)
      send_entry(session, *found, name);
    else if (found.error() != Errno{ENOENT}) // gone since
      skip(session, name, text(found.error()));
    return true;
  }

  bool send_first(Session &session) {
    auto found = tree_->find(tree_->context->root, path_, {});
    if (!found) {
      session.fail(fmt::format("{}:{}: {}", kept_->name, path_, text(found.error())));
      return false;
    }
    send_entry(session, *found, last_name(path_));
    return true;
  }

  void send_entry(Session &session, const fs::Path &path, const std::string &name) {
    fs::Inode &inode = *path.dentry->inode();
    const auto attributes = inode.attributes();
    if (!attributes)
      return skip(session, name, text(attributes.error()));
    json entry = {{"name", text_of(name)},
                  {"mode", attributes->mode & 07777U},
                  {"mtime", {attributes->modified.tv_sec, attributes->modified.tv_nsec}}};
    if (inode.is_directory())
      return enter(session, path, std::move(entry));
    if (inode.is_symlink()) {
      const auto target = inode.read_link();
      if (!target)
        return skip(session, name, text(target.error()));
      entry["entry"] = "link";
      entry["target"] = text_of(*target);
      return session.send(entry);
    }
    if (inode.type() != S_IFREG)
      return skip(session, name, "it is neither a file nor a directory nor a link");
    auto file = fs::open(tree_->credentials, path, O_RDONLY);
    if (!file)
      return skip(session, name, text(file.error()));
    entry["entry"] = "file";
    session.send(entry);
    file_ = std::move(*file);
  }

  void enter(Session &session, const fs::Path &path, json entry) {
    const std::string name = bytes_of(entry["name"].get<std::string>());
    if (levels_.size() == deepest)
      return skip(session, name, "it is too deep");
    // What is mounted there is seen.
    const fs::Path directory = kept_->kernel().mounts->covered(path);
    auto entries = directory.dentry->inode()->list();
    if (!entries)
      return skip(session, name, text(entries.error()));
    entry["entry"] = "directory";
    session.send(entry);
    levels_.push_back({directory, std::move(*entries), 0});
  }

  bool send_data(Session &session) {
    std::byte bytes[piece_size];
    memory::IoBuffer to{std::span<std::byte>(bytes)};
    const Result<u64> count = file_->read(to);
    if (!count) {
      session.fail(fmt::format("{}: {}", file_->description(), text(count.error())));
      return false;
    }
    session.send(FrameType::data, {reinterpret_cast<const char *>(bytes), *count});
    if (*count == 0)
      file_ = nullptr;
    return true;
  }

  static void skip(Session &session, const std::string &name, const std::string &why) {
    session.send({{"entry", "skipped"}, {"name", text_of(name)}, {"why", why}});
  }

  Family &family_;
  std::shared_ptr<KeptBox> kept_;
  std::string path_;
  std::optional<box::FileView> tree_;
  std::vector<Level> levels_;
  Ref<fs::File> file_; ///< that is being sent
  bool begun_ = false;
};

class Uploading final : public Activity {
public:
  Uploading(Family &family, std::shared_ptr<KeptBox> kept, std::string path)
      : family_(family), kept_(std::move(kept)), path_(std::move(path)) {
    const KernelGuard guard(family_.lock());
    tree_.emplace(kept_->kernel());
    tree_->credentials.fsuid = family_.options().box.uid;
    tree_->credentials.fsgid = family_.options().box.gid;
  }
  ~Uploading() override {
    const KernelGuard guard(family_.lock());
    file_ = nullptr;
    levels_.clear();
    tree_.reset();
  }

  void go_on(Session &) override {}
  Status take(Session &session, const Frame &frame) override {
    const KernelGuard guard(family_.lock());
    const Status taken = take_part(session, frame);
    if (!taken && taken.error() != Errno{EPROTO})
      session.fail(fmt::format("{}:{}: {}", kept_->name, what_, text(taken.error())));
    return !taken && taken.error() == Errno{EPROTO} ? taken : Status(Done{});
  }

private:
  struct Level {
    fs::Path directory;
    fs::AttributeChange at_end; ///< set when all is in it
  };

  Status take_part(Session &session, const Frame &frame) {
    if (frame.type == FrameType::data)
      return file_ ? take_data(frame.payload) : Errno{EPROTO};
    const json message = TINE_TRY(parse_message(frame));
    if (file_)
      return Errno{EPROTO};
    if (message.contains("done")) {
      session.send({{"done", true}});
      session.finish();
      return Done{};
    }
    if (message.contains("leave")) {
      if (levels_.empty())
        return Errno{EPROTO};
      const Level level = std::move(levels_.back());
      levels_.pop_back();
      return level.directory.dentry->inode()->change(level.at_end);
    }
    return take_entry(message);
  }

  Status take_entry(const json &message) {
    const auto kind = message.at("entry").get<std::string>();
    fs::Path directory;
    std::string name = bytes_of(message.at("name").get<std::string>());
    if (levels_.empty())
      directory = TINE_TRY(place_of_first(name));
    else
      directory = levels_.back().directory;
    what_ = name;
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        levels_.size() == deepest)
      return Errno{EINVAL};
    fs::AttributeChange change;
    if (kind != "link") {
      change.mode = message.at("mode").get<u32>() & 07777U;
      change.modified = {message.at("mtime").at(0).get<time_t>(),
                         message.at("mtime").at(1).get<long>()};
    }
    if (kind == "directory")
      return take_directory(directory, name, change);
    if (kind == "file")
      return take_file(directory, name, change);
    if (kind == "link")
      return take_link(directory, name, bytes_of(message.at("target").get<std::string>()));
    return Errno{EPROTO};
  }

  /// Where the first entry goes; changes the name if the destination is the new one's.
  Result<fs::Path> place_of_first(std::string &name) {
    what_ = path_;
    auto there = tree_->find(tree_->context->root, path_, {.must_be_directory = true});
    if (there)
      return std::move(*there);
    if (path_.ends_with('/'))
      return there.error();
    name = last_name(path_);
    const std::string above = path_.substr(0, path_.size() - name.size());
    return tree_->find(tree_->context->root, above.empty() ? "/" : above,
                       {.must_be_directory = true});
  }

  Status take_directory(const fs::Path &place, const std::string &name,
                        const fs::AttributeChange &change) {
    fs::Path made;
    if (auto there = tree_->find(place, name, {.follow_last = false, .must_be_directory = true}))
      made = std::move(*there);
    else
      made = TINE_TRY(fs::make_node({*tree_->context, tree_->credentials}, place, name,
                                    {.mode = S_IFDIR | 0700}));
    levels_.push_back({std::move(made), change});
    return Done{};
  }

  Status take_file(const fs::Path &place, const std::string &name,
                   const fs::AttributeChange &change) {
    file_ = TINE_TRY(fs::open(*tree_->context, tree_->credentials, place, name,
                              O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0600));
    at_end_ = change;
    return Done{};
  }

  Status take_data(const std::string &bytes) {
    if (bytes.empty()) {
      const Ref<fs::Inode> inode = file_->inode();
      file_ = nullptr;
      return inode->change(at_end_);
    }
    memory::IoBuffer from(std::as_bytes(std::span(std::string_view(bytes))));
    while (from.remaining() != 0)
      if (TINE_TRY(file_->write(from)) == 0)
        return Errno{EIO};
    return Done{};
  }

  Status take_link(const fs::Path &place, const std::string &name, const std::string &target) {
    TINE_TRY(fs::make_node({*tree_->context, tree_->credentials}, place, name,
                           {.mode = S_IFLNK | 0777, .link_target = target}));
    return Done{};
  }

  Family &family_;
  std::shared_ptr<KeptBox> kept_;
  std::string path_, what_; ///< `what_`: for the message
  std::optional<box::FileView> tree_;
  std::vector<Level> levels_;
  Ref<fs::File> file_; ///< that is being written
  fs::AttributeChange at_end_;
};

} // namespace

void begin_download(Session &session, std::shared_ptr<KeptBox> kept, const std::string &path) {
  session.begin(std::make_unique<Downloading>(session.family(), std::move(kept), path));
}

void begin_upload(Session &session, std::shared_ptr<KeptBox> kept, const std::string &path) {
  session.begin(std::make_unique<Uploading>(session.family(), std::move(kept), path));
}

} // namespace tine::daemon
