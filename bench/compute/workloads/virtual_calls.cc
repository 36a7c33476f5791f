// Calls through virtual tables and function pointers.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

namespace {
class Shape {
public:
  virtual ~Shape() = default;
  virtual std::uint64_t area(std::uint64_t scale) const = 0;
};
class Square final : public Shape {
public:
  explicit Square(std::uint64_t side) : side_(side) {}
  std::uint64_t area(std::uint64_t scale) const override { return side_ * side_ * scale; }

private:
  std::uint64_t side_;
};
class Rectangle final : public Shape {
public:
  Rectangle(std::uint64_t width, std::uint64_t height) : width_(width), height_(height) {}
  std::uint64_t area(std::uint64_t scale) const override { return width_ * height_ + scale; }

private:
  std::uint64_t width_, height_;
};
class Triangle final : public Shape {
public:
  explicit Triangle(std::uint64_t base) : base_(base) {}
  std::uint64_t area(std::uint64_t scale) const override { return base_ * 3 / 2 ^ scale; }

private:
  std::uint64_t base_;
};
} // namespace

int main() {
  std::vector<std::unique_ptr<Shape>> shapes;
  std::uint64_t state = 7;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    if ((state >> 40) % 3 == 0)
      shapes.push_back(std::make_unique<Square>(i));
    else if ((state >> 40) % 3 == 1)
      shapes.push_back(std::make_unique<Rectangle>(i, i + 1));
    else
      shapes.push_back(std::make_unique<Triangle>(i));
  }
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < 40'000; ++round)
    for (const auto &shape : shapes)
      sum += shape->area(round);
  std::printf("%llu\n", static_cast<unsigned long long>(sum));
}
