// Matrix multiplication in double precision, the plain three loops that the compiler vectorises.
#include <cstdio>
#include <vector>

int main() {
  constexpr int n = 512;
  std::vector<double> a(n * n), b(n * n), c(n * n);
  for (int i = 0; i < n * n; ++i) {
    a[static_cast<std::size_t>(i)] = i % 13 - 6;
    b[static_cast<std::size_t>(i)] = i % 7 - 3;
  }
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < n; ++i)
      for (int k = 0; k < n; ++k) {
        const double factor = a[static_cast<std::size_t>(i * n + k)];
        const double *row = &b[static_cast<std::size_t>(k * n)];
        double *out = &c[static_cast<std::size_t>(i * n)];
        for (int j = 0; j < n; ++j)
          out[j] += factor * row[j];
      }
  double sum = 0;
  for (int i = 0; i < n * n; ++i)
    sum += c[static_cast<std::size_t>(i)] * (i % 5);
  std::printf("%.1f\n", sum);
}
