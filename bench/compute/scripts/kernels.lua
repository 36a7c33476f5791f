-- n-queens, string building and a table sort.
local function queens(n)
  local columns, up, down, found = {}, {}, {}, 0
  local function place(row)
    if row > n then found = found + 1 return end
    for column = 1, n do
      if not columns[column] and not up[row + column] and not down[row - column + n] then
        columns[column], up[row + column], down[row - column + n] = true, true, true
        place(row + 1)
        columns[column], up[row + column], down[row - column + n] = false, false, false
      end
    end
  end
  place(1)
  return found
end
print(queens(9))
local parts, state = {}, 42
for i = 1, 60000 do
  state = (state * 1103515245 + 12345) % 2147483648
  parts[i] = string.format("%08x", state)
end
table.sort(parts)
print(#table.concat(parts), parts[1], parts[#parts])
