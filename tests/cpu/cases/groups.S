# Operands of a block that share a lookup: across a page boundary, into a hole, with registers that change
# between them, read first and written later, with flags live.
.include "case.inc"

case groups_struct, sweep
  mov rax, [rbx]
  mov ecx, [rbx + 12]
  add [rbx + 24], rax
  movzx edx, byte ptr [rbx + 63]
  mov [rbx + 8], rcx
  lock add dword ptr [rbx + 16], 7
end_case groups_struct

case groups_base_changes, sweep
  mov rsi, rbx
  mov rax, [rsi]
  add rax, [rsi + 8]
  add rsi, 5
  add rax, [rsi]
  mov [rsi + 8], rax
  lea rsi, [rsi - 9]
  mov rdx, [rsi + 1]
  mov rsi, [rsi + 2]
end_case groups_base_changes

# PAUSE with REX.B: an exchange of rax and r8 where the host has it so.
case groups_base_changes_by_pause
  lea rax, [rbx + 0x100]
  mov r8, rbx
  add rcx, [r8]
  add rdx, [rax]
  .byte 0xf3, 0x49, 0x90
  add rcx, [r8 + 8]
  add rdx, [rax + 8]
end_case groups_base_changes_by_pause

case groups_indexed, sweep
  mov ecx, 3
  movups xmm1, [rbx + rcx * 8]
  addps xmm1, xmm1
  movups [rbx + rcx * 8], xmm1
  mov rax, [rbx + rcx * 4]
  mov [rbx + rcx * 4 + 8], rax
  inc ecx
  mov [rbx + rcx * 8], al
  mov [rbx + rcx * 8 - 1], ah
end_case groups_indexed

case groups_flags_live, sweep
  cmp rax, rcx
  mov rdx, [rbx]
  mov rsi, [rbx + 8]
  adc rdx, [rbx + 16]
  setc [rbx + 3]
  mov r10, rdx
  mov [rbx + 24], r10
  mov [rbx + 32], rdx
  pushfq
end_case groups_flags_live

.macro group_fault name, address
case groups_fault_\name
  mov rbx, \address
  mov rax, [rbx]
  mov [rbx - 8], rax
  add rax, [rbx + 8]
  mov rcx, [rbx + 24]
  mov [rbx + 16], rcx
end_case groups_fault_\name
.endm
group_fault read_only, READ_ONLY+256
group_fault into_read_only, WINDOW_END-16
group_fault into_hole, HOLE-16
group_fault in_hole, HOLE
group_fault out_of_hole, ISLAND+4
group_fault non_canonical, 0x8000000000000000
group_fault wraps, 4
