"""The search finds what trying every tour finds.   check.py SEARCH PROGRAM.py"""
import itertools
import random
import subprocess
import sys
import tempfile

CITIES = 6
generator = random.Random(20)
distances = [[generator.randint(1, 99) for _ in range(CITIES)] for _ in range(CITIES)]


def length(tour):
    way = (0, *tour, 0)
    return sum(distances[a][b] for a, b in zip(way, way[1:]))


best = min(map(length, itertools.permutations(range(1, CITIES))))
with tempfile.NamedTemporaryFile("w", suffix=".distances") as file:
    for row in distances:
        print(*row, file=file)
    file.flush()
    out = subprocess.run([sys.argv[1], sys.argv[2], file.name], capture_output=True, text=True, timeout=120)
print(out.stdout, out.stderr)
assert out.returncode == 0
first = out.stdout.splitlines()[0].split()
assert first[:2] == ["best", str(best)], f"the best tour has length {best}"
assert length(map(int, first[3:])) == best
