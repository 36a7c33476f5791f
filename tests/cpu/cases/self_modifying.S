# (e) Code that changes itself, run in writable memory on both sides, at several places of a page. A store
# takes effect on the next instruction that is fetched, the same block or not.
.include "case.inc"

case later_in_the_block, self
  lea rdi, [rip + 1f]
  mov byte ptr [rdi + 1], 0x42
1:
  mov eax, 1
  inc ecx
end_case later_in_the_block

case next_instruction, self
  mov dword ptr [rip + 1f + 1], 0x12345678
1:
  mov eax, 1
end_case next_instruction

case own_bytes, self
  xor eax, eax
  mov ecx, 3
2:
  inc eax
1:
  mov byte ptr [rip + 1b], 0xc6   # its own first byte, with what is there
  dec ecx
  jnz 2b
end_case own_bytes

case loop_body, self
  mov ecx, 60
  xor eax, eax
2:
1:
  add eax, 0x11223344
  add dword ptr [rip + 1b + 1], 3
  dec ecx
  jnz 2b
end_case loop_body

case function_called_between, self
  xor edx, edx
  mov ecx, 20
2:
  call 1f
  add rdx, rax
  inc dword ptr [rip + 1f + 1]
  call 1f
  add rdx, rax
  mov byte ptr [rip + 1f], 0xb9   # mov ecx -> then restore
  mov byte ptr [rip + 1f], 0xb8
  dec ecx
  jnz 2b
  jmp 3f
1:
  mov eax, 5
  ret
3:
end_case function_called_between

case branch_displacement, self
  call 1f
  mov byte ptr [rip + 2f + 1], 3f - 2f - 2
  call 1f
  mov byte ptr [rip + 2f], 0x90
  mov byte ptr [rip + 2f + 1], 0x90
  call 1f
  jmp 4f
1:
2:
  jmp short 5f
5:
  add r8, 1
3:
  add r9, 1
  ret
4:
end_case branch_displacement

case conditional_becomes_other, self
  mov ecx, 6
  xor eax, eax
1:
  cmp ecx, 3
2:
  jg 3f
  add eax, 100
3:
  inc eax
  xor byte ptr [rip + 2b], 1
  dec ecx
  jnz 1b
end_case conditional_becomes_other

case nop_to_trap, self
  mov byte ptr [rip + 1f], 0xcc
  inc eax
1:
  nop
  inc ecx
end_case nop_to_trap

case by_string_store, self
  lea rdi, [rip + 1f]
  mov ecx, 7
  mov al, 0x90
  cld
  rep stosb
  inc rdx
1:
  .byte 0x0f, 0x0b, 0x0f, 0x0b, 0x0f, 0x0b, 0x06
  inc rdx
end_case by_string_store

case by_string_move, self
  lea rsi, [rip + 2f]
  lea rdi, [rip + 1f]
  mov ecx, 5
  cld
  rep movsb
1:
  mov eax, 1
  jmp 3f
2:
  mov eax, 0x777
3:
end_case by_string_move

case by_push, self
  mov r15, rsp
  lea rsp, [rip + 1f + 8]
  mov rax, 0xcccccccccccc9090
  push rax
  mov rsp, r15
1:
  .byte 0x0f, 0x0b, 0x0f, 0x0b, 0x0f, 0x0b, 0x0f, 0x0b
end_case by_push

case by_call, self
  mov r15, rsp
  lea rsp, [rip + 1f + 8]
  call 2f
2:
  mov rsp, r15
  mov rax, [rip + 1f]
  jmp 3f
1:
  .quad 0
3:
end_case by_call

case by_vector_store, self
  movups xmm0, [rip + 2f]
  movups [rip + 1f], xmm0
1:
  .fill 16, 1, 0x06
  inc r8
  jmp 3f
2:
  .fill 16, 1, 0x90
3:
end_case by_vector_store

case by_locked, self
  mov ecx, 2
  mov edx, 2
2:
  lock xadd byte ptr [rip + 1f + 2], cl
  lock add byte ptr [rip + 1f + 2], 5
1:
  mov r9b, 1
  dec edx
  jnz 2b
end_case by_locked

case by_x87, self
  fninit
  fldpi
  fstp qword ptr [rip + 1f + 2]
  jmp 1f
1:
  movabs rax, 0
  mov rcx, rax
end_case by_x87

# Stores beside the code, in its page, over and over.
case data_beside_code, self
  mov ecx, 3000
  lea rdi, [rip + 1f]
2:
  add qword ptr [rdi], rcx
  xor [rdi + 8], rcx
  dec ecx
  jnz 2b
  mov rax, [rdi]
  jmp 3f
1:
  .quad 0, 0
3:
end_case data_beside_code

# The changed code lies some pages on; it has run before.
case other_page, self
  mov r12d, 30
  lea rdi, [rip + 1f]
  xor eax, eax
2:
  call rdi
  add dword ptr [rdi + 1], 7
  call rdi
  mov byte ptr [rdi], 0x2d   # sub eax, imm32
  call rdi
  mov byte ptr [rdi], 0x05
  dec r12d
  jnz 2b
  jmp 3f
  .fill 5000, 1, 0x90
1:
  .byte 0x05             # add eax, imm32
  .long 1
  ret
3:
end_case other_page

# Many small functions are made and called: a just-in-time compiler in little.
case generator, self
  mov r12d, 40
  lea rbx, [rip + 1f]
  xor edx, edx
2:
  mov byte ptr [rbx], 0xb8
  mov [rbx + 1], r12d
  mov byte ptr [rbx + 5], 0xc3
  call rbx
  add rdx, rax
  add rbx, 6
  test r12d, 7
  jnz 3f
  lea rbx, [rip + 1f]
3:
  dec r12d
  jnz 2b
  jmp 4f
1:
  .fill 320, 1, 0x06
4:
end_case generator
