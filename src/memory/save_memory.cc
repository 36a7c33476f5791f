// A saved box: its address spaces and shared memory. The pages themselves are in the images of the
// file (snapshot_writer.hpp).
#include "memory/address_space.hpp"
#include "memory/mapping_set.hpp"
#include "memory/page_table.hpp"
#include "memory/saved_image.hpp"
#include "memory/snapshot_writer.hpp"

#include <algorithm>
#include <mutex>
#include <set>

namespace tine::memory {
namespace {

/// Pages whose objects are looked at before others get the kernel lock.
constexpr u64 pages_a_lock = 2048;

/// A mapping's name lives as long as tine does.
const char *kept_name(const std::string &name) {
  static std::mutex mutex; // of all families of this host process
  static std::set<std::string> names;
  const std::lock_guard guard(mutex);
  return names.insert(name).first->c_str();
}

/// "[heap]" and the like: no file makes tine keep more.
constexpr std::size_t longest_name = 64;

void archive_mapping(Archive &archive, Mapping &mapping) {
  archive(mapping.range.first, mapping.range.count, mapping.protection.read,
          mapping.protection.write, mapping.protection.execute, mapping.shared, mapping.may_write,
          mapping.grows_down, mapping.dont_fork, mapping.wipe_on_fork, mapping.locked,
          mapping.lock_on_fault, mapping.no_reserve, mapping.dont_dump, mapping.droppable,
          mapping.guarded, mapping.object_page, mapping.object, mapping.file);
  std::string name = mapping.name;
  archive(name);
  if (archive.is_reading())
    mapping.name = name.empty() || name.size() > longest_name ? "" : kept_name(name);
}

/// What AddressSpace::map makes sure of.
bool is_valid(const Mapping &mapping, PageNumber lowest) {
  return !mapping.range.empty() && mapping.range.first >= lowest &&
         mapping.range.first < user_end && mapping.range.count <= user_end - mapping.range.first &&
         (mapping.object || (!mapping.shared && !mapping.file)) &&
         mapping.object_page <= ~u64{0} - mapping.range.count &&
         (!mapping.shared || !mapping.protection.write || mapping.may_write);
}

} // namespace

Ref<RefCounted> AddressSpace::archive_head(Archive &archive, AddressSpace *saved) {
  if (saved != nullptr)
    return Ref<RefCounted>(saved);
  auto made = create(*archive.context<FrameArena>());
  return made ? Ref<RefCounted>(*made) : Ref<RefCounted>();
}

void AddressSpace::archive_body(Archive &archive) {
  u32 image = archive.is_reading() ? 0 : archive.context<ImageList>()->add(*this);
  archive(image);
  if (archive.is_reading()) {
    saved_ = archive.context<ImageSource>()->image(image);
    if (!saved_)
      return archive.fail("it refers to memory that it doesn't have");
  }
  archive_mappings(archive);
  archive_layout(archive);
  archive(limits_.address_space, limits_.data, limits_.stack, membarrier_registrations_,
          lock_future_, lock_future_on_fault_, counters_.zero_filled, counters_.file_pages,
          counters_.copied, counters_.reused, counters_.major);
}

void AddressSpace::archive_mappings(Archive &archive) {
  u64 count = archive.count(mappings_->count());
  if (!archive.is_reading()) {
    for (Mapping mapping : mappings_->all())
      archive_mapping(archive, mapping);
    return;
  }
  if (count > most_mappings)
    archive.fail("it has more mappings than there can be");
  PageNumber lowest{0};
  for (u64 i = 0; i < count && archive.ok(); ++i) {
    Mapping mapping;
    archive_mapping(archive, mapping);
    if (archive.ok() && !is_valid(mapping, lowest))
      archive.fail("it has a mapping that can't be");
    if (!archive.ok())
      return;
    lowest = mapping.range.end();
    if (!mapping.shared)
      saved_->append({mapping.range, mapping.range.first.value});
    mappings_->insert(std::move(mapping));
  }
}

void AddressSpace::archive_layout(Archive &archive) {
  archive(layout_.code_start, layout_.code_end, layout_.data_start, layout_.data_end,
          layout_.heap_start, layout_.heap_break, layout_.stack_start, layout_.arguments_start,
          layout_.arguments_end, layout_.environment_start, layout_.environment_end);
  std::vector<u64> auxiliary;
  if (layout_.auxiliary_vector)
    auxiliary = *layout_.auxiliary_vector;
  archive(auxiliary);
  if (archive.is_reading() && !auxiliary.empty())
    layout_.auxiliary_vector = std::make_shared<const std::vector<u64>>(std::move(auxiliary));
}

std::array<const void *, 3> AddressSpace::identity_of_memory() const {
  // A root is a number.
  return {reinterpret_cast<const void *>(std::uintptr_t{page_table_->root()}), mappings_.get(),
          saved_.get()};
}

Status AddressSpace::for_each_private_page(KernelLock &lock,
                                           const std::function<void(const PrivatePage &)> &visit) {
  std::vector<PrivatePage> pages;
  for (const Mapping &mapping : mappings_->all()) {
    if (mapping.shared)
      continue;
    for (u64 done = 0; done < mapping.range.count;) {
      // An object may be one that all boxes share: its pages come and go. Without one, as much as
      // there may be at once.
      const u64 count = mapping.object ? std::min(pages_a_lock, mapping.range.count - done)
                                       : mapping.range.count - done;
      const PageRange range{mapping.range.first + done, count};
      const u64 object_page = mapping.object_page + done;
      done += count;
      KernelGuard guard(lock, std::defer_lock);
      if (mapping.object)
        guard.lock();
      pages.clear();
      page_table_->for_each_entry(range, [&](PageNumber page, PageEntry entry) {
        if (!mapping.object
                ? entry.frame() != FrameArena::zero_frame
                : mapping.object->present_page(object_page + (page - range.first)) != entry.frame())
          pages.push_back({page, entry.frame()});
      });
      if (guard)
        guard.unlock();
      const std::size_t present = pages.size();
      if (saved_ && saved_->overlaps(range)) {
        guard = KernelGuard(lock);
        for (const SavedRanges::Range &saved : saved_->ranges()) {
          const PageNumber first = std::max(range.first, saved.range.first);
          const PageNumber end = std::min(range.end(), saved.range.end());
          if (first >= end)
            continue;
          const u64 image_first = saved.image_page + (first - saved.range.first);
          TINE_TRY(
              saved_->image().for_each(image_first, end - first, [&](u64 image_page, u32 found) {
                const PageNumber page = first + (image_page - image_first);
                if (!page_table_->find(page).at(page).present())
                  pages.push_back({page, {}, found});
              }));
        }
        guard.unlock();
        std::inplace_merge(
            pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(present), pages.end(),
            [](const PrivatePage &a, const PrivatePage &b) { return a.page < b.page; });
      }
      for (const PrivatePage &page : pages)
        visit(page);
    }
  }
  return Done{};
}

Ref<RefCounted> AnonymousPageObject::archive_head(Archive &archive, AnonymousPageObject *saved) {
  if (saved != nullptr)
    return Ref<RefCounted>(saved);
  return make_ref<AnonymousPageObject>(*archive.context<FrameArena>(), u64{0});
}

void AnonymousPageObject::archive_body(Archive &archive) {
  archive(size_);
  archive_pages(archive);
}

void PageObject::archive_pages(Archive &archive) {
  u32 image = archive.is_reading() ? 0 : archive.context<ImageList>()->add(*this);
  u64 pages = pages_present();
  archive(image, pages);
  if (!archive.is_reading())
    return;
  saved_ = archive.context<ImageSource>()->image(image);
  if (!saved_)
    return archive.fail("it refers to memory that it doesn't have");
  saved_->append({{PageNumber{0}, PageTable::page_limit}, 0});
  saved_pages_ = pages;
}

} // namespace tine::memory
