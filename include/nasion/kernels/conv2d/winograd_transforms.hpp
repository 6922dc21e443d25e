#pragma once
// The small matrices of Winograd's minimal filtering (Lavin and Gray, "Fast algorithms for convolutional neural
// networks", 2015), as functions on vectors. A filter's results are values of a product of polynomials, which a few
// products determine: its remainders modulo x - p for some points p, and its highest coefficient ("infinity").
//
//   pixels B^T d: the pixels under the results    weights G g: a filter's taps    results A^T m: from the products
//
// The gradient of the weights is such a filtering too, with four gradients as taps: F(3, 4) and F(5, 4).
//
// The moduli decide how far intermediate results exceed the final ones, and that costs digits. Independent errors of
// the products come out, in the worst of the 4x4 results and relative to its typical size,
//
//   F(4, 3), 6 products  0, 1, -1, 2, -2, infinity                   31 times as large
//                        0, 11/16, -11/16, 3/2, -3/2, infinity        7.5
//   F(4, 5), 8 products  0, 1, -1, 2, -2, 1/2, -1/2, infinity        30, and no eight real points are much better
//            9 products  0, 3/4, -3/4, 11/8, -11/8, x^2 + 1, infinity 3.7
//
// so the second and the last are used. All coefficients of B and A are exact in float. The larger the factor, the fewer
// terms should be added up in one sum, channels (`sum_channels`) or, for the weight, tiles (`sum_tiles`).

#include "nasion/core/simd.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// Three taps, four products, two results. Points 0, 1, -1 and infinity.
template <class T>
struct Winograd3Small {
  static constexpr Index taps = 3, products = 4, outputs = 2, sum_channels = 128;
  using V = simd::Vector<T>;

  /// B^T d: the pixels under the results, transformed.
  [[gnu::always_inline]] static void pixels(const V (&d)[4], V (&o)[4]) {
    o[0] = d[0] - d[2];
    o[1] = d[1] + d[2];
    o[2] = d[2] - d[1];
    o[3] = d[3] - d[1];
  }
  /// A^T m: the results, from sums of products.
  [[gnu::always_inline]] static void results(const V (&m)[4], V (&o)[2]) {
    o[0] = m[0] + m[1] + m[2];
    o[1] = m[1] - m[2] + m[3];
  }
  /// G g: the taps, transformed.
  [[gnu::always_inline]] static void weights(const V (&g)[3], V (&o)[4]) {
    const V even = (g[0] + g[2]) * T(0.5), odd = g[1] * T(0.5);
    o[0] = g[0];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = g[2];
  }
};

/// Three taps, six products, four results. Points 0, a, -a, b, -b and infinity.
template <class T>
struct Winograd3 {
  static constexpr Index taps = 3, products = 6, outputs = 4, sum_channels = 32, sum_tiles = 42;
  using V = simd::Vector<T>;

  /// B^T d: the pixels under the results, transformed.
  [[gnu::always_inline]] static void pixels(const V (&d)[6], V (&o)[6]) {
    const V even_a = d[4] - bb * d[2], odd_a = d[3] - bb * d[1], even_b = d[4] - aa * d[2], odd_b = d[3] - aa * d[1];
    o[0] = aa * bb * d[0] + (d[4] - (aa + bb) * d[2]);
    o[1] = even_a + a * odd_a;
    o[2] = even_a - a * odd_a;
    o[3] = even_b + b * odd_b;
    o[4] = even_b - b * odd_b;
    o[5] = aa * bb * d[1] + (d[5] - (aa + bb) * d[3]);
  }
  /// A^T m: the results, from sums of products.
  [[gnu::always_inline]] static void results(const V (&m)[6], V (&o)[4]) {
    const V s = m[1] + m[2], t = m[1] - m[2], u = m[3] + m[4], w = m[3] - m[4];
    o[0] = m[0] + (s + u);
    o[1] = a * t + b * w;
    o[2] = aa * s + bb * u;
    o[3] = a * aa * t + (b * bb * w + m[5]);
  }
  /// G g: the taps, transformed.
  [[gnu::always_inline]] static void weights(const V (&g)[3], V (&o)[6]) { from_taps(g[0], g[1], g[2], V{}, g[2], o); }
  /// G dy: four gradients as taps.
  [[gnu::always_inline]] static void gradients(const V (&g)[4], V (&o)[6]) {
    from_taps(g[0], g[1], g[2], g[3], g[3], o);
  }
  /// A^T m of the gradient of the weight: as many results as taps.
  [[gnu::always_inline]] static void weight_results(const V (&m)[6], V (&o)[3]) {
    const V s = m[1] + m[2], u = m[3] + m[4];
    o[0] = m[0] + (s + u);
    o[1] = a * (m[1] - m[2]) + b * (m[3] - m[4]);
    o[2] = aa * s + (bb * u + m[5]);
  }

 private:
  static constexpr T a = T(0.6875), b = T(1.5), aa = a * a, bb = b * b;

  /// The values at all points of the polynomial with these coefficients, times the factors of the interpolation, which
  /// leaves B and A exact. Even and odd terms are shared by a point and its negative.
  [[gnu::always_inline]] static void from_taps(V g0, V g1, V g2, V g3, V last, V (&o)[6]) {
    constexpr T scale_a = 1 / (2 * aa * (aa - bb)), scale_b = 1 / (2 * bb * (bb - aa));
    const V even_a = (g0 + aa * g2) * scale_a, odd_a = (g1 + aa * g3) * (a * scale_a);
    const V even_b = (g0 + bb * g2) * scale_b, odd_b = (g1 + bb * g3) * (b * scale_b);
    o[0] = g0 * (1 / (aa * bb));
    o[1] = even_a + odd_a;
    o[2] = even_a - odd_a;
    o[3] = even_b + odd_b;
    o[4] = even_b - odd_b;
    o[5] = last;
  }
};

/// Five taps, nine products, four results. Points 0, a, -a, b, -b and infinity, and x^2 + 1, modulo which remainders
/// are complex numbers: three products (Karatsuba) give one of these.
template <class T>
struct Winograd5 {
  static constexpr Index taps = 5, products = 9, outputs = 4, sum_channels = 128, sum_tiles = 42;
  using V = simd::Vector<T>;

  /// B^T d: the pixels under the results, transformed.
  [[gnu::always_inline]] static void pixels(const V (&d)[8], V (&o)[9]) {
    const V even_a = d[6] + (1 - bb) * d[4] - bb * d[2], odd_a = d[5] + (1 - bb) * d[3] - bb * d[1];
    const V even_b = d[6] + (1 - aa) * d[4] - aa * d[2], odd_b = d[5] + (1 - aa) * d[3] - aa * d[1];
    const V even = d[6] - (aa + bb) * d[4] + aa * bb * d[2], odd = d[5] - (aa + bb) * d[3] + aa * bb * d[1];
    o[0] = d[6] + (1 - aa - bb) * d[4] + (aa * bb - aa - bb) * d[2] + aa * bb * d[0];
    o[1] = even_a + a * odd_a;
    o[2] = even_a - a * odd_a;
    o[3] = even_b + b * odd_b;
    o[4] = even_b - b * odd_b;
    o[5] = odd + even;
    o[6] = odd - even;
    o[7] = odd;
    o[8] = d[7] + (1 - aa - bb) * d[5] + (aa * bb - aa - bb) * d[3] + aa * bb * d[1];
  }
  /// A^T m: the results, from sums of products.
  [[gnu::always_inline]] static void results(const V (&m)[9], V (&o)[4]) {
    const V s = m[1] + m[2], t = m[1] - m[2], u = m[3] + m[4], w = m[3] - m[4], p = m[5] + m[7], q = m[6] + m[7];
    o[0] = m[0] + p + (s + u);
    o[1] = a * t + (b * w + q);
    o[2] = aa * s + (bb * u - p);
    o[3] = a * aa * t + (b * bb * w + (m[8] - q));
  }
  /// G g: the taps, transformed.
  [[gnu::always_inline]] static void weights(const V (&g)[5], V (&o)[9]) {
    from_taps(g[0], g[1], g[2], g[3], g[4], g[4], o);
  }
  /// G dy: four gradients as taps.
  [[gnu::always_inline]] static void gradients(const V (&g)[4], V (&o)[9]) {
    from_taps(g[0], g[1], g[2], g[3], V{}, g[3], o);
  }
  /// A^T m of the gradient of the weight: as many results as taps.
  [[gnu::always_inline]] static void weight_results(const V (&m)[9], V (&o)[5]) {
    const V s = m[1] + m[2], t = m[1] - m[2], u = m[3] + m[4], w = m[3] - m[4], p = m[5] + m[7], q = m[6] + m[7];
    o[0] = m[0] + p + (s + u);
    o[1] = a * t + (b * w + q);
    o[2] = aa * s + (bb * u - p);
    o[3] = a * aa * t + (b * bb * w - q);
    o[4] = aa * aa * s + (bb * bb * u + (m[8] + p));
  }

 private:
  static constexpr T a = T(0.75), b = T(1.375), aa = a * a, bb = b * b;

  /// The values at all points of the polynomial with these coefficients, times the factors of the interpolation, which
  /// leaves B and A exact. Even and odd terms are shared by a point and its negative.
  [[gnu::always_inline]] static void from_taps(V g0, V g1, V g2, V g3, V g4, V last, V (&o)[9]) {
    constexpr T scale_a = 1 / (2 * aa * (aa - bb) * (aa + 1)), scale_b = 1 / (2 * bb * (bb - aa) * (bb + 1));
    constexpr T scale = 1 / ((1 + aa) * (1 + bb));
    const V even_a = (g0 + aa * (g2 + aa * g4)) * scale_a, odd_a = (g1 + aa * g3) * (a * scale_a);
    const V even_b = (g0 + bb * (g2 + bb * g4)) * scale_b, odd_b = (g1 + bb * g3) * (b * scale_b);
    const V real = (g0 - g2 + g4) * scale, imaginary = (g1 - g3) * scale;
    o[0] = g0 * (1 / (aa * bb));
    o[1] = even_a + odd_a;
    o[2] = even_a - odd_a;
    o[3] = even_b + odd_b;
    o[4] = even_b - odd_b;
    o[5] = -real;
    o[6] = -imaginary;
    o[7] = real + imaginary;
    o[8] = last;
  }
};

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
