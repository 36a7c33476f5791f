// Paths, the tree in memory, and the layer over a tree of the host.
#include "fs/memory_fs.hpp"
#include "fs/pseudo_fs.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace tine::fs {
namespace {

class TreeTest : public testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/tine_tree_XXXXXX";
    directory_ = ::mkdtemp(name);
    std::filesystem::create_directories(directory_ / "lower/sub/deep");
    std::ofstream(directory_ / "lower/file") << "from the host";
    std::ofstream(directory_ / "lower/sub/inner") << "inner";
    std::ofstream(directory_ / "outside") << "secret";
    std::filesystem::create_symlink("../../outside", directory_ / "lower/sub/out");
    std::filesystem::create_symlink("/file", directory_ / "lower/absolute");
    frames_ = std::move(*memory::FrameArena::create({.limit_bytes = u64{64} << 20}));
    files_ = make_ref<HostFiles>(*frames_);
    mount();
    credentials_.permitted = credentials_.effective = ~u64{0};
  }
  void TearDown() override {
    context_ = nullptr;
    files_ = nullptr;
    std::filesystem::remove_all(directory_);
  }
  void mount() {
    auto host = HostFs::create((directory_ / "lower").string(), HostFs::Writing::forbidden, files_);
    ASSERT_TRUE(host.ok());
    context_ = make_ref<FileSystemContext>();
    context_->mounts = make_ref<MountNamespace>();
    context_->mounts->mount_root(make_ref<MemoryFs>(*frames_, MemoryFs::Options{.lower = *host}), 0,
                                 "overlay");
    context_->root = context_->working_directory = context_->mounts->root();
  }

  Result<Ref<File>> open(const std::string &path, u32 flags, u32 mode = 0644) {
    return fs::open(*context_, credentials_, {}, path, flags, mode);
  }
  Result<std::string> contents(const std::string &path) {
    const Ref<File> file = TINE_TRY(open(path, O_RDONLY));
    std::string text(100, '\0');
    memory::IoBuffer buffer(std::as_writable_bytes(std::span(text)));
    text.resize(TINE_TRY(file->read(buffer)));
    return text;
  }
  Result<u64> write(const Ref<File> &file, std::string_view text) {
    memory::IoBuffer buffer(std::as_bytes(std::span(text)));
    return file->write(buffer);
  }
  Errno lookup_error(const std::string &path, const LookupOptions &options = {}) {
    const auto found = lookup(*context_, credentials_, {}, path, options);
    return found ? Errno{} : found.error();
  }
  TreeCall call() { return {*context_, credentials_}; }
  std::string host_contents(const char *name) {
    std::ifstream stream(directory_ / "lower" / name);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  std::filesystem::path directory_;
  std::unique_ptr<memory::FrameArena> frames_;
  Ref<HostFiles> files_;
  Ref<FileSystemContext> context_;
  Credentials credentials_;
};

TEST_F(TreeTest, ReadsWhatTheHostHas) {
  EXPECT_EQ(*contents("/file"), "from the host");
  EXPECT_EQ(*contents("/sub/deep/../../sub//inner"), "inner");
  EXPECT_EQ(*contents("absolute"), "from the host");
}

TEST_F(TreeTest, LinksDoNotLeadOutOfTheRoot) {
  EXPECT_EQ(lookup_error("/sub/out"), Errno{ENOENT});
  EXPECT_EQ(lookup_error("/../../outside"), Errno{ENOENT});
  EXPECT_EQ(*contents("/../../file"), "from the host");
}

TEST_F(TreeTest, ErrorsAreThoseOfPathResolution) {
  EXPECT_EQ(lookup_error(""), Errno{ENOENT});
  EXPECT_EQ(lookup_error("/file/x"), Errno{ENOTDIR});
  EXPECT_EQ(lookup_error("/file/"), Errno{ENOTDIR});
  EXPECT_EQ(lookup_error(std::string(5000, 'a')), Errno{ENAMETOOLONG});
  EXPECT_EQ(lookup_error(std::string(256, 'a')), Errno{ENAMETOOLONG});
  ASSERT_TRUE(make_node(call(), {}, "/loop", {.mode = S_IFLNK, .link_target = "loop"}).ok());
  EXPECT_EQ(lookup_error("/loop"), Errno{ELOOP});
  EXPECT_EQ(lookup_error("/loop", {.follow_last = false}), Errno{});
  EXPECT_EQ(open("/loop", O_RDONLY | O_NOFOLLOW).error(), Errno{ELOOP});
  EXPECT_EQ(open("/file", O_RDONLY | O_DIRECTORY).error(), Errno{ENOTDIR});
  EXPECT_EQ(open("/sub", O_WRONLY).error(), Errno{EISDIR});
  EXPECT_EQ(open("/file", O_CREAT | O_EXCL | O_WRONLY).error(), Errno{EEXIST});
  EXPECT_EQ(open("/new/", O_CREAT | O_WRONLY).error(), Errno{EISDIR});
}

TEST_F(TreeTest, WritesStayInTheLayer) {
  const Ref<File> reader = *open("/file", O_RDONLY);
  const Ref<File> writer = *open("/file", O_WRONLY);
  ASSERT_EQ(*write(writer, "FROM"), 4U);
  EXPECT_EQ(*contents("/file"), "FROM the host");
  std::string seen(13, '\0');
  memory::IoBuffer buffer(std::as_writable_bytes(std::span(seen)));
  EXPECT_EQ(*reader->read(buffer), 13U) << "an older description sees the write, too";
  EXPECT_EQ(seen, "FROM the host");
  EXPECT_EQ(host_contents("file"), "from the host");
}

TEST_F(TreeTest, TruncationTakesWhatWasBelowAway) {
  const Ref<File> file = *open("/file", O_RDWR);
  ASSERT_TRUE(file->truncate(4).ok());
  ASSERT_TRUE(file->truncate(6).ok());
  EXPECT_EQ(*contents("/file"), std::string("from\0\0", 6));
}

TEST_F(TreeTest, InodeNumbersAndAttributesSurviveTheCopy) {
  const Ref<File> file = *open("/file", O_RDWR);
  const struct stat before = *file->stat();
  ASSERT_TRUE(write(file, "x").ok());
  const struct stat after = *file->stat();
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_dev, after.st_dev);
  EXPECT_EQ(before.st_mode, after.st_mode);
  EXPECT_EQ(before.st_size, after.st_size);
}

TEST_F(TreeTest, RemovedNamesOfTheHostStayRemoved) {
  ASSERT_TRUE(remove_name(call(), {}, "/file", false).ok());
  EXPECT_EQ(lookup_error("/file"), Errno{ENOENT});
  const auto names = *context_->root.dentry->inode()->list();
  for (const DirectoryEntry &entry : names)
    EXPECT_NE(entry.name, "file");
  EXPECT_EQ(host_contents("file"), "from the host");
  ASSERT_TRUE(open("/file", O_CREAT | O_WRONLY).ok());
  EXPECT_EQ(*contents("/file"), "");
}

TEST_F(TreeTest, ADirectoryOfTheHostIsRenamedWhole) {
  ASSERT_TRUE(rename_name(call(), {}, "/sub", {}, "/moved", 0).ok());
  EXPECT_EQ(lookup_error("/sub"), Errno{ENOENT});
  EXPECT_EQ(*contents("/moved/inner"), "inner");
  EXPECT_EQ(rename_name(call(), {}, "/moved", {}, "/moved/deep/x", 0).error(), Errno{EINVAL});
  EXPECT_EQ(remove_name(call(), {}, "/moved", true).error(), Errno{ENOTEMPTY});
}

TEST_F(TreeTest, HardLinksAreOneFile) {
  const Path file = *lookup(*context_, credentials_, {}, "/file", {});
  ASSERT_TRUE(make_link(call(), file, {}, "/other").ok());
  ASSERT_TRUE(write(*open("/other", O_WRONLY), "LINK").ok());
  EXPECT_EQ(*contents("/file"), "LINK the host");
  EXPECT_EQ(file.dentry->inode()->attributes()->links, 2U);
  ASSERT_TRUE(remove_name(call(), {}, "/file", false).ok());
  EXPECT_EQ(*contents("/other"), "LINK the host");
}

TEST_F(TreeTest, AnUnlinkedFileLivesWhileItIsOpen) {
  const Ref<File> file = *open("/file", O_RDONLY);
  ASSERT_TRUE(remove_name(call(), {}, "/file", false).ok());
  std::string text(13, '\0');
  memory::IoBuffer buffer(std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(*file->read(buffer), 13U);
  EXPECT_EQ(file->stat()->st_nlink, 0U);
  EXPECT_EQ(file->description(), "/file (deleted)");
}

TEST_F(TreeTest, TwoOpensOfALibraryMapTheSameFrame) {
  const Ref<File> first = *open("/file", O_RDONLY);
  const FrameNumber frame = *(*first->map())->pages()->page(0);
  const Ref<File> second = *open("/file", O_RDONLY);
  EXPECT_EQ(*(*second->map())->pages()->page(0), frame);
}

TEST_F(TreeTest, PermissionsAreThoseOfTheCredentials) {
  Credentials user;
  user.uid = user.euid = user.suid = user.fsuid = 4242;
  user.gid = user.egid = user.sgid = user.fsgid = 4242;
  const Ref<File> file = *open("/private", O_CREAT | O_RDWR, 0600);
  EXPECT_EQ(fs::open(*context_, user, {}, "/private", O_RDONLY, 0).error(), Errno{EACCES});
  EXPECT_EQ(fs::open(*context_, user, {}, "/made", O_CREAT | O_RDWR, 0600).error(), Errno{EACCES});
  ASSERT_TRUE(file->inode()->change({.mode = 0644}).ok());
  EXPECT_TRUE(fs::open(*context_, user, {}, "/private", O_RDONLY, 0).ok());
  EXPECT_EQ(check_owner(user, *file->inode()).error(), Errno{EPERM});
}

TEST_F(TreeTest, MountsCoverAndUncover) {
  const Path place = *lookup(*context_, credentials_, {}, "/sub", {});
  context_->mounts->mount(place, make_ref<MemoryFs>(*frames_, MemoryFs::Options{}), nullptr, 0,
                          "tmpfs");
  EXPECT_EQ(lookup_error("/sub/inner"), Errno{ENOENT});
  EXPECT_EQ(remove_name(call(), {}, "/sub", true).error(), Errno{EBUSY});
  const Path root = *lookup(*context_, credentials_, {}, "/sub", {});
  EXPECT_EQ(path_name(root, context_->root), "/sub");
  EXPECT_EQ(*contents("/sub/../file"), "from the host");
  ASSERT_TRUE(context_->mounts->unmount(root).ok());
  EXPECT_EQ(*contents("/sub/inner"), "inner");
}

TEST_F(TreeTest, GeneratedFilesAreMadeWhenTheyAreRead) {
  auto pseudo = make_ref<PseudoFs>("proc", u64{1});
  int made = 0;
  pseudo->root_directory()->add(
      "count", pseudo->file({}, [&made] { return Result<std::string>(std::to_string(++made)); }));
  pseudo->root_directory()->add("self", pseudo->link_to("count"));
  const Path place = *lookup(*context_, credentials_, {}, "/sub", {});
  context_->mounts->mount(place, pseudo, nullptr, 0, "proc");
  EXPECT_EQ(*contents("/sub/count"), "1");
  EXPECT_EQ(*contents("/sub/self"), "2");
  EXPECT_EQ(open("/sub/count", O_WRONLY).ok(), true); // root may; the write is refused
  EXPECT_EQ(open("/sub/other", O_CREAT | O_WRONLY).error(), Errno{EROFS});
}

} // namespace
} // namespace tine::fs
