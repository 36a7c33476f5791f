// System V objects as data: ids, permissions, the order of messages and of waiting operations.
#include "process/ipc/ipc_namespace.hpp"
#include "unit/process/kernel_fixture.hpp"

#include <set>

namespace tine::process {
namespace {

fs::Credentials user(u32 id) {
  fs::Credentials result;
  result.uid = result.euid = result.suid = result.fsuid = id;
  result.gid = result.egid = result.sgid = result.fsgid = id;
  return result;
}

TEST(IpcNumbers, AnIdIsNotUsedAgainSoon) {
  IpcTable<MessageQueue> table;
  std::set<i32> seen;
  for (int i = 0; i < 10'000; ++i) {
    const i32 id = table.create({IPC_PRIVATE, 0600}, user(1)).permissions.id;
    EXPECT_GE(id, 0);
    EXPECT_TRUE(seen.insert(id).second) << id;
    table.remove(id);
    EXPECT_EQ(table.find(id), nullptr);
  }
}

TEST(IpcNumbers, ManyObjectsHaveIdsOfTheirOwn) {
  IpcTable<MessageQueue> table;
  std::set<i32> seen;
  for (int i = 0; i < 1'000; ++i)
    EXPECT_TRUE(seen.insert(table.create({IPC_PRIVATE, 0600}, user(1)).permissions.id).second);
  EXPECT_EQ(table.size(), 1'000U);
  for (const i32 id : seen)
    EXPECT_NE(table.find(id), nullptr);
}

TEST(IpcTable, KeysAreLookedUpByTheFlags) {
  IpcTable<MessageQueue> table;
  EXPECT_EQ(table.look_up({7, 0}).error(), Errno{ENOENT});
  EXPECT_EQ(*table.look_up({7, IPC_CREAT}), nullptr);
  MessageQueue &made = table.create({7, 0600 | IPC_CREAT}, user(1));
  EXPECT_EQ(*table.look_up({7, 0}), &made);
  EXPECT_EQ(*table.look_up({7, IPC_CREAT}), &made);
  EXPECT_EQ(table.look_up({7, IPC_CREAT | IPC_EXCL}).error(), Errno{EEXIST});
  EXPECT_EQ(*table.look_up({IPC_PRIVATE, 0}), nullptr);
}

TEST(IpcPermissions, TheClassOfTheCallerDecides) {
  IpcPermissions permissions;
  permissions.uid = permissions.creator_uid = 1;
  permissions.gid = permissions.creator_gid = 2;
  permissions.mode = 0640;
  fs::Credentials member = user(9);
  member.groups = {2};
  EXPECT_TRUE(permissions.check(user(1), 0600).ok());
  EXPECT_TRUE(permissions.check(member, 0444).ok());
  EXPECT_EQ(permissions.check(member, 0222).error(), Errno{EACCES});
  EXPECT_EQ(permissions.check(user(9), 0444).error(), Errno{EACCES});
  permissions.mode = 0066; // the owner's own bits count, even if others have more
  EXPECT_EQ(permissions.check(user(1), 0444).error(), Errno{EACCES});
  EXPECT_TRUE(permissions.check(user(9), 0222).ok());
  EXPECT_TRUE(permissions.check_owner(user(1)).ok());
  EXPECT_EQ(permissions.check_owner(user(9)).error(), Errno{EPERM});
}

TEST(MessageQueue, ChoosesByType) {
  MessageQueue queue;
  for (const i64 type : {5, 3, 4, 3})
    queue.messages.push_back({type, {}});
  const auto index = [&](i64 type, bool except = false) {
    return std::distance(queue.messages.begin(), queue.choose(type, except));
  };
  EXPECT_EQ(index(0), 0);
  EXPECT_EQ(index(3), 1);
  EXPECT_EQ(index(5, true), 1);
  EXPECT_EQ(index(-4), 1);
  EXPECT_EQ(index(-2), 4);
  EXPECT_EQ(index(9), 4);
  EXPECT_EQ(index(std::numeric_limits<i64>::min()), 1);
}

class SemaphoreTest : public KernelFixture {
protected:
  SemaphoreTest() {
    thread->process = process.get();
    process->threads.push_back(thread);
    kernel.add_process(process);
    kernel.add_thread(*thread);
  }
  SemaphoreSet &make_set(i32 count) {
    return *all.sets().find(*all.get({IPC_PRIVATE, 0600}, count, user(1)));
  }
  WaitingOperation operation(std::vector<sembuf> steps, u64 undo = 0) {
    return {thread->tid, process->pid, 0, std::move(steps), undo, 0};
  }

  Semaphores &all = kernel.ipc->semaphores;
  Ref<Process> process = make_ref<Process>(kernel, Pid{2});
  Ref<Thread> thread = make_ref<Thread>(kernel, Pid{2});
};

TEST_F(SemaphoreTest, AllOperationsAreDoneOrNone) {
  SemaphoreSet &set = make_set(2);
  set.semaphores[0].value = 1;
  WaitingOperation both = operation({{0, -1, 0}, {1, -1, 0}});
  EXPECT_FALSE(all.operate(set, both).has_value());
  EXPECT_EQ(both.blocking, 1U);
  EXPECT_EQ(set.semaphores[0].value, 1);
  set.semaphores[1].value = 1;
  EXPECT_TRUE(all.operate(set, both)->ok());
  EXPECT_EQ(set.semaphores[0].value, 0);
  EXPECT_EQ(set.semaphores[1].value, 0);
  EXPECT_EQ(set.semaphores[1].last, Pid{2});
}

TEST_F(SemaphoreTest, OperationsOnOneSemaphoreFollowEachOther) {
  SemaphoreSet &set = make_set(1);
  WaitingOperation lock_it = operation({{0, 0, 0}, {0, 1, 0}}); // the idiom of semop(2)
  EXPECT_TRUE(all.operate(set, lock_it)->ok());
  EXPECT_FALSE(all.operate(set, lock_it).has_value());
  EXPECT_EQ(set.semaphores[0].value, 1);
}

TEST_F(SemaphoreTest, WhatIsUndoneIsBounded) {
  SemaphoreSet &set = make_set(1);
  const Ref<SemaphoreUndo> undo = all.make_undo();
  WaitingOperation up = operation({{0, 5, SEM_UNDO}}, undo->number);
  EXPECT_TRUE(all.operate(set, up)->ok());
  set.semaphores[0].value = 2; // others took some meanwhile
  all.apply_undo(*undo, Pid{2});
  EXPECT_EQ(set.semaphores[0].value, 0);
  EXPECT_TRUE(set.adjustments.empty());
}

TEST_F(SemaphoreTest, AWaiterIsServedWhenItCanBe) {
  SemaphoreSet &set = make_set(1);
  WaitingOperation down = operation({{0, -2, 0}});
  EXPECT_FALSE(all.operate(set, down).has_value());
  down.ticket = thread->syscall_state.scratch[0] = all.new_ticket();
  all.wait(set, down);
  EXPECT_EQ(all.count_waiting(set, 0, Semaphores::WaitFor::increase), 1);
  EXPECT_EQ(all.count_waiting(set, 0, Semaphores::WaitFor::zero), 0);
  set.semaphores[0].value = 1;
  all.values_changed(set);
  EXPECT_FALSE(thread->syscall_state.woken);
  set.semaphores[0].value = 3;
  all.values_changed(set);
  EXPECT_TRUE(thread->syscall_state.woken);
  EXPECT_EQ(set.semaphores[0].value, 1);
  EXPECT_TRUE(set.waiting.empty());
}

TEST_F(SemaphoreTest, AnInterruptedWaiterIsForgotten) {
  SemaphoreSet &set = make_set(1);
  WaitingOperation down = operation({{0, -1, 0}});
  down.ticket = thread->syscall_state.scratch[0] = all.new_ticket();
  all.wait(set, down);
  thread->syscall_state = {}; // the call ended with EINTR
  EXPECT_EQ(all.count_waiting(set, 0, Semaphores::WaitFor::increase), 0);
  set.semaphores[0].value = 1;
  all.values_changed(set);
  EXPECT_EQ(set.semaphores[0].value, 1);
  EXPECT_FALSE(thread->syscall_state.woken);
}

TEST_F(KernelFixture, ASegmentLivesAsLongAsItIsMappedOrKept) {
  SharedMemory &all = kernel.ipc->shared_memory;
  const i32 id = *all.get(*frames, {IPC_PRIVATE, 0600}, 5000, user(1), Pid{2});
  SegmentEntry *entry = all.segments().find(id);
  ASSERT_NE(entry, nullptr);
  Ref<memory::AddressSpace> space = *memory::AddressSpace::create(*frames);
  memory::MapRequest request;
  request.length = 8192;
  request.protection = {true, true, false};
  request.shared = true;
  request.file = Ref<memory::MappedFile>(entry->segment);
  ASSERT_TRUE(space->map(request).ok());
  request.file = nullptr;
  const Ref<memory::AddressSpace> child = *space->fork(memory::ForkMechanism::shared);
  EXPECT_EQ(entry->segment->attachments(), 2U);
  all.remove(*entry);
  ASSERT_EQ(all.segments().find(id), entry);
  EXPECT_EQ(entry->permissions.mode & SHM_DEST, unsigned{SHM_DEST});
  space = nullptr;
  EXPECT_EQ(entry->segment->attachments(), 1U);
  ASSERT_TRUE(child->unmap(GuestAddress{0}, user_address_limit).ok());
  EXPECT_EQ(all.segments().find(id), nullptr);
}

} // namespace
} // namespace tine::process
