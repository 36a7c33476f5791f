"""n-body, a dictionary count, string joins, a sort with a key, JSON and a regular expression."""
import json
import re

def nbody(steps):
    bodies = [[i * 1.1, i * 0.7, i * 0.3, 0.01 * i, 0.02, -0.01 * i, 1.0 / (i + 1)] for i in range(5)]
    for _ in range(steps):
        for i, a in enumerate(bodies):
            for b in bodies[i + 1:]:
                dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
                magnitude = 0.001 / ((dx * dx + dy * dy + dz * dz) ** 1.5 + 0.1)
                for axis, d in enumerate((dx, dy, dz)):
                    a[3 + axis] -= d * b[6] * magnitude
                    b[3 + axis] += d * a[6] * magnitude
        for body in bodies:
            for axis in range(3):
                body[axis] += 0.001 * body[3 + axis]
    return round(sum(sum(body) for body in bodies), 9)

print(nbody(6000))
words = [f"word{(i * 7919) % 5003}" for i in range(60000)]
counts = {}
for word in words:
    counts[word] = counts.get(word, 0) + 1
print(len(counts), max(counts.values()))
print(len(" ".join(sorted(words, key=lambda word: word[::-1]))))
document = json.loads(json.dumps({word: [count, str(count)] for word, count in counts.items()}))
print(len(document), sum(len(m.group(1)) for m in re.finditer(r"word(\d+)5", " ".join(words))))
