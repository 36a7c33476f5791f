"""A program that knows nothing of search: it asks its way through a round trip, a city at a time.

    choose 1 2 3        the cities that are left; it reads one of them
    done 1234           the length of the tour

It keeps the length so far in a file, as programs do that were not written to be taken back.
"""
import sys

distances = [[int(x) for x in line.split()] for line in open(sys.argv[1])]
here, left, length = 0, set(range(1, len(distances))), 0
while left:
    print("choose", *sorted(left), flush=True)
    city = int(sys.stdin.readline())
    left.remove(city)
    length += distances[here][city]
    here = city
    with open("/tmp/length", "w") as file:
        file.write(str(length))
print("done", length + distances[here][0], flush=True)
