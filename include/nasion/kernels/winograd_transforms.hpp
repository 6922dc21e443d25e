#pragma once
// The small matrices of Winograd's minimal filtering (Lavin and Gray, "Fast algorithms for convolutional neural
// networks", 2015), as functions on vectors. A filter's results are values of a product of polynomials, which a few
// products determine: with the points 0, 1, -1, 2, -2 and infinity six products give four neighbouring results of three
// taps, F(4, 3), and with 1/2 and -1/2 as well eight give those of five taps, F(4, 5). The points 0, 1, -1 and infinity
// give two results of three taps, F(2, 3).
//
//   pixels B^T d: the pixels under the results    weights G g: a filter's taps    results A^T m: from the products
//
// The gradient of the weights is such a filtering too, with four gradients as taps: F(3, 4) and F(5, 4).

#include "nasion/core/simd.hpp"

namespace nasion::kernels::inline NASION_INSTRUCTION_SET {

/// Three taps, four points, two results.
template <class T>
struct Winograd3Small {
  static constexpr Index taps = 3, points = 4, outputs = 2;
  using V = simd::Vector<T>;

  [[gnu::always_inline]] static void pixels(const V (&d)[4], V (&o)[4]) {
    o[0] = d[0] - d[2];
    o[1] = d[1] + d[2];
    o[2] = d[2] - d[1];
    o[3] = d[3] - d[1];
  }
  [[gnu::always_inline]] static void results(const V (&m)[4], V (&o)[2]) {
    o[0] = m[0] + m[1] + m[2];
    o[1] = m[1] - m[2] + m[3];
  }
  [[gnu::always_inline]] static void weights(const V (&g)[3], V (&o)[4]) {
    const V even = (g[0] + g[2]) * T(0.5), odd = g[1] * T(0.5);
    o[0] = g[0];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = g[2];
  }
};

/// Three taps, six points, four results.
template <class T>
struct Winograd3 {
  static constexpr Index taps = 3, points = 6, outputs = 4;
  using V = simd::Vector<T>;

  [[gnu::always_inline]] static void pixels(const V (&d)[6], V (&o)[6]) {
    const V a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], c = d[4] - d[2], e = 2 * (d[3] - d[1]);
    o[0] = 4 * d[0] - 5 * d[2] + d[4];
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + e;
    o[4] = c - e;
    o[5] = 4 * d[1] - 5 * d[3] + d[5];
  }
  [[gnu::always_inline]] static void results(const V (&m)[6], V (&o)[4]) {
    const V s = m[1] + m[2], t = m[1] - m[2], u = m[3] + m[4], w = m[3] - m[4];
    o[0] = m[0] + s + u;
    o[1] = t + 2 * w;
    o[2] = s + 4 * u;
    o[3] = t + 8 * w + m[5];
  }
  [[gnu::always_inline]] static void weights(const V (&g)[3], V (&o)[6]) { from_taps(g[0], g[1], g[2], V{}, g[2], o); }
  [[gnu::always_inline]] static void gradients(const V (&g)[4], V (&o)[6]) {
    from_taps(g[0], g[1], g[2], g[3], g[3], o);
  }
  [[gnu::always_inline]] static void weight_results(const V (&m)[6], V (&o)[3]) {
    const V s = m[1] + m[2], u = m[3] + m[4];
    o[0] = m[0] + s + u;
    o[1] = m[1] - m[2] + 2 * (m[3] - m[4]);
    o[2] = s + 4 * u + m[5];
  }

 private:
  [[gnu::always_inline]] static void from_taps(V g0, V g1, V g2, V g3, V last, V (&o)[6]) {
    const V even = (g0 + g2) * (T{1} / 6), odd = (g1 + g3) * (T{1} / 6);
    const V even2 = (g0 + 4 * g2) * (T{1} / 24), odd2 = (g1 + 4 * g3) * (T{1} / 12);
    o[0] = g0 * (T{1} / 4);
    o[1] = -even - odd;
    o[2] = odd - even;
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    o[5] = last;
  }
};

/// Five taps, eight points, four results.
template <class T>
struct Winograd5 {
  static constexpr Index taps = 5, points = 8, outputs = 4;
  using V = simd::Vector<T>;

  [[gnu::always_inline]] static void pixels(const V (&d)[8], V (&o)[8]) {
    const V even = d[2] + d[6] - T(4.25) * d[4], odd = d[1] + d[5] - T(4.25) * d[3];
    const V even2 = d[6] + T(0.25) * d[2] - T(1.25) * d[4], odd2 = T(0.5) * d[1] - T(2.5) * d[3] + 2 * d[5];
    const V even3 = d[6] + 4 * d[2] - 5 * d[4], odd3 = 2 * d[1] - T(2.5) * d[3] + T(0.5) * d[5];
    o[0] = d[0] - d[6] + T(5.25) * (d[4] - d[2]);
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    o[5] = even3 + odd3;
    o[6] = even3 - odd3;
    o[7] = d[7] - d[1] + T(5.25) * (d[3] - d[5]);
  }
  [[gnu::always_inline]] static void results(const V (&m)[8], V (&o)[4]) {
    const V s = m[1] + m[2], t = m[1] - m[2], s2 = m[3] + m[4], t2 = m[3] - m[4], s3 = m[5] + m[6], t3 = m[5] - m[6];
    o[0] = m[0] + s + s2 + s3;
    o[1] = t + 2 * t2 + T(0.5) * t3;
    o[2] = s + 4 * s2 + T(0.25) * s3;
    o[3] = t + 8 * t2 + T(0.125) * t3 + m[7];
  }
  [[gnu::always_inline]] static void weights(const V (&g)[5], V (&o)[8]) {
    from_taps(g[0], g[1], g[2], g[3], g[4], g[4], o);
  }
  [[gnu::always_inline]] static void gradients(const V (&g)[4], V (&o)[8]) {
    from_taps(g[0], g[1], g[2], g[3], V{}, g[3], o);
  }
  [[gnu::always_inline]] static void weight_results(const V (&m)[8], V (&o)[5]) {
    const V s = m[1] + m[2], t = m[1] - m[2], s2 = m[3] + m[4], t2 = m[3] - m[4], s3 = m[5] + m[6], t3 = m[5] - m[6];
    o[0] = m[0] + s + s2 + s3;
    o[1] = t + 2 * t2 + T(0.5) * t3;
    o[2] = s + 4 * s2 + T(0.25) * s3;
    o[3] = t + 8 * t2 + T(0.125) * t3;
    o[4] = s + 16 * s2 + T(0.0625) * s3 + m[7];
  }

 private:
  [[gnu::always_inline]] static void from_taps(V g0, V g1, V g2, V g3, V g4, V last, V (&o)[8]) {
    const V even = (g0 + g2 + g4) * (-T{2} / 9), odd = (g1 + g3) * (-T{2} / 9);
    const V even2 = (g0 + 4 * g2 + 16 * g4) * (T{1} / 90), odd2 = (g1 + 4 * g3) * (T{1} / 45);
    const V even3 = (16 * g0 + 4 * g2 + g4) * (T{2} / 45), odd3 = (4 * g1 + g3) * (T{4} / 45);
    o[0] = g0;
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    o[5] = even3 + odd3;
    o[6] = even3 - odd3;
    o[7] = last;
  }
};

}  // namespace nasion::kernels::inline NASION_INSTRUCTION_SET
