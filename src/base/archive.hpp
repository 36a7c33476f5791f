// A box's objects as bytes, and back: the traversal of the file that a box is saved in.
//
//   static Ref<RefCounted> Pipe::archive_head(Archive &archive, Pipe *saved);
//   void Pipe::archive_body(Archive &archive) { archive(capacity_, number_, contents_); }
//
// The same lines write and read, so that one can't differ from the other. An object is written
// where it is first referred to: its class, and its head, which is what its constructor needs. The
// rest, the body, follows when the stack is not as deep; so objects may refer to each other in
// circles.
//
// What is read is not trusted: a count is no more than the bytes that are left, a reference leads
// to an object of the right class or the archive fails. After it has failed all numbers that are
// read are zero, all containers empty, all references null.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"
#include "base/types.hpp"

#include <array>
#include <concepts>
#include <cstring>
#include <ctime>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <unordered_map>
#include <vector>

namespace tine {

class Archive;

/// The classes whose objects can be saved, by type and by the name that they have in a file.
class ArchiveClasses {
public:
  using Head = Ref<RefCounted> (*)(Archive &archive, RefCounted *saved);
  using Body = void (*)(Archive &archive, RefCounted &object);
  struct Class {
    std::string name;
    Head head;
    Body body; ///< null: the head is all
  };

  /// T has archive_head, and archive_body unless the head is all.
  template <typename T> void add(std::string name) {
    Class made{std::move(name),
               [](Archive &archive, RefCounted *saved) -> Ref<RefCounted> {
                 return T::archive_head(archive, static_cast<T *>(saved));
               },
               nullptr};
    if constexpr (requires(T & object, Archive & archive) { object.archive_body(archive); })
      made.body = [](Archive &archive, RefCounted &object) {
        static_cast<T &>(object).archive_body(archive);
      };
    by_name_.emplace(made.name, std::type_index(typeid(T)));
    by_type_.emplace(std::type_index(typeid(T)), std::move(made));
  }
  [[nodiscard]] const Class *find(const std::type_index &type) const;
  [[nodiscard]] const Class *find(const std::string &name) const;

private:
  std::unordered_map<std::type_index, Class> by_type_;
  std::map<std::string, std::type_index, std::less<>> by_name_;
};

/// Writes to memory, or reads from it.
class Archive {
public:
  /// Writes.
  explicit Archive(const ArchiveClasses &classes) : classes_(classes), reading_(false) {}
  /// Reads. `bytes` outlive the archive.
  Archive(const ArchiveClasses &classes, std::span<const std::byte> bytes)
      : classes_(classes), reading_(true), input_(bytes) {}
  /// An object goes after those that were made after it, which may need it.
  ~Archive();
  Archive(const Archive &) = delete;
  Archive &operator=(const Archive &) = delete;

  [[nodiscard]] bool is_reading() const { return reading_; }
  [[nodiscard]] bool ok() const { return problem_.empty(); }
  /// The first problem counts: what can't be saved, or what is wrong with what was read.
  void fail(std::string problem);
  [[nodiscard]] const std::string &problem() const { return problem_; }
  /// What was written.
  [[nodiscard]] const std::vector<std::byte> &output() const { return output_; }
  /// Of what is read.
  [[nodiscard]] std::size_t bytes_left() const { return input_.size(); }

  /// Writes or reads each in turn: numbers, flags, texts, containers, references, and structures
  /// with a member archive(Archive &). Enumerations go through choice().
  template <typename... Items> void operator()(Items &...items) { (item(items), ...); }

  /// `last` is the enumeration's last value; the first is 0.
  template <typename Enum> void choice(Enum &value, Enum last) {
    auto number = static_cast<u64>(value);
    item(number);
    if (number > static_cast<u64>(last))
      fail("it has a number where there is no such choice");
    value = ok() ? static_cast<Enum>(number) : Enum{};
  }
  /// The bytes of an object that is nothing but numbers.
  template <typename T> void plain(T &object) {
    static_assert(std::is_trivially_copyable_v<T>);
    raw(std::as_writable_bytes(std::span<T, 1>(&object, 1)));
  }
  void raw(std::span<std::byte> bytes);
  /// How many elements follow; no more than there are bytes.
  [[nodiscard]] u64 count(u64 size);
  /// The elements of a container, by a function that writes or reads one.
  template <typename Container, typename Each> void sequence(Container &container, Each &&each) {
    const u64 size = count(container.size());
    if (!reading_) {
      for (auto &element : container)
        each(element);
      return;
    }
    container.clear();
    for (u64 i = 0; i < size && ok(); ++i) {
      typename Container::value_type element{};
      each(element);
      container.push_back(std::move(element));
    }
  }
  /// An instant of the host's monotonic clock: time goes on from where it was; or, of one that was
  /// given as a time of the wall clock, it is that time still.
  void instant(Nanoseconds &time, bool of_wall_clock = false) {
    const u64 origin = static_cast<u64>(of_wall_clock ? now_ - wall_now_ : now_);
    u64 distance = static_cast<u64>(time) - origin; // wraps
    item(distance);
    time = static_cast<Nanoseconds>(distance + origin);
  }
  void instant(std::optional<Nanoseconds> &time, bool of_wall_clock = false);
  /// The two clocks at the same moment.
  void set_now(Nanoseconds now, Nanoseconds wall_now) {
    now_ = now;
    wall_now_ = wall_now;
  }
  [[nodiscard]] Nanoseconds now() const { return now_; }

  /// Keeps no object any more; nothing is written or read afterwards.
  void forget();

  // ---- objects ----
  template <typename T> void item(Ref<T> &reference) {
    if (!reading_) {
      write_object(reference.get());
      return;
    }
    const Ref<RefCounted> object = read_object();
    reference = ref_cast<T>(object);
    if (object && !reference)
      fail("it refers to an object of another class than it should");
  }
  /// The same, where null is wrong.
  template <typename T> void required(Ref<T> &reference) {
    item(reference);
    if (!reference)
      fail("it refers to no object where there must be one");
  }
  /// Whoever keeps the object is somebody else: null if nobody has referred to it so far.
  template <typename T> void weak(T *&pointer) {
    if (!reading_) {
      u64 id = known(static_cast<const RefCounted *>(pointer));
      item(id);
      return;
    }
    u64 id = 0;
    item(id);
    pointer = dynamic_cast<T *>(known_object(id));
    if (id != 0 && pointer == nullptr)
      fail("it refers to an object of another class than it should");
  }
  /// The same for a key that is compared and never used.
  void weak_address(const void *&address);
  /// Of a writer: whether the object with the address was written.
  [[nodiscard]] bool has(const void *object) const { return known(object) != 0; }

  /// Called when the bodies of all objects so far are done; in the same order when reading.
  void at_end(std::function<void(Archive &)> rest) { at_end_.push_back(std::move(rest)); }
  /// Writes or reads all that is left.
  void finish();

  /// What the caller of the traversal gave along, by type.
  template <typename T> void set_context(T &context) {
    contexts_.insert_or_assign(std::type_index(typeid(T)), &context);
  }
  template <typename T> [[nodiscard]] T *context() const {
    const auto found = contexts_.find(std::type_index(typeid(T)));
    return found == contexts_.end() ? nullptr : static_cast<T *>(found->second);
  }

  // ---- items ----
  template <std::integral T> void item(T &value) { plain(value); }
  void item(bool &value);
  void item(std::string &text);
  void item(std::vector<std::byte> &bytes);
  void item(timespec &time) { (*this)(time.tv_sec, time.tv_nsec); }
  void item(Pid &pid) { item(pid.value); }
  void item(GuestAddress &address) { item(address.value); }
  void item(PageNumber &page) { item(page.value); }
  template <typename T, std::size_t size> void item(std::array<T, size> &array) {
    for (T &element : array)
      item(element);
  }
  template <std::integral T, std::size_t size> void item(T (&array)[size]) {
    for (T &element : array)
      item(element);
  }
  template <typename T> void item(std::vector<T> &container) { elements(container); }
  template <typename T> void item(std::deque<T> &container) { elements(container); }
  template <typename T> void item(std::list<T> &container) { elements(container); }
  template <typename T> void item(std::optional<T> &value) {
    bool there = value.has_value();
    item(there);
    if (reading_)
      value = there ? std::optional<T>(T{}) : std::nullopt;
    if (value)
      item(*value);
  }
  template <typename T> void item(std::unique_ptr<T> &value) {
    bool there = value != nullptr;
    item(there);
    if (reading_)
      value = there ? std::make_unique<T>() : nullptr;
    if (value)
      item(*value);
  }
  template <typename Key, typename T, typename Compare>
  void item(std::map<Key, T, Compare> &container) {
    const u64 size = count(container.size());
    if (!reading_) {
      for (auto &[key, value] : container) {
        Key copy = key;
        (*this)(copy, value);
      }
      return;
    }
    container.clear();
    for (u64 i = 0; i < size && ok(); ++i) {
      Key key{};
      T value{};
      (*this)(key, value);
      container.insert_or_assign(std::move(key), std::move(value));
    }
  }
  template <typename T>
  requires requires(T &object, Archive &archive) { object.archive(archive); }
  void item(T &object) { object.archive(*this); }

private:
  template <typename Container> void elements(Container &container) {
    sequence(container, [this](auto &element) { this->item(element); });
  }
  void write_object(RefCounted *object);
  [[nodiscard]] Ref<RefCounted> read_object();
  [[nodiscard]] const ArchiveClasses::Class *read_class();
  [[nodiscard]] Ref<RefCounted> make_head(const ArchiveClasses::Class &type, RefCounted *saved);
  [[nodiscard]] u64 known(const void *object) const;
  [[nodiscard]] RefCounted *known_object(u64 id);
  void finish_bodies();

  struct Object {
    Ref<RefCounted> object;
    const ArchiveClasses::Class *type;
  };

  const ArchiveClasses &classes_;
  bool reading_;
  std::vector<std::byte> output_;
  std::span<const std::byte> input_;
  Nanoseconds now_ = 0, wall_now_ = 0;
  std::string problem_;
  std::vector<Object> objects_; ///< the one with id n at n - 1
  std::size_t next_body_ = 0;
  std::unordered_map<const void *, u64> ids_; ///< of a writer, by the address as a RefCounted
  std::vector<const ArchiveClasses::Class *> types_;
  std::deque<std::function<void(Archive &)>> at_end_;
  std::unordered_map<std::type_index, void *> contexts_;
  u32 depth_ = 0;
};

} // namespace tine
