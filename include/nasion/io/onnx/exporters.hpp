#pragma once
// How each operation of the library is written as nodes of opset 17.

#include <numbers>

#include "nasion/io/onnx/exporter.hpp"
#include "nasion/ops/activation.hpp"

namespace nasion::io::detail::onnx {

template <class T>
using Export = std::string (*)(Exporter<T>&);

template <class T>
std::string export_binary(Exporter<T>& e, const char* type) {
  return e.node(type,
                {e.name(0), e.op().inputs.size() > 1 ? e.name(1) : e.constant(static_cast<T>(e.number("number")))});
}

template <class T>
std::string export_activation(Exporter<T>& e, const std::string& x, Index activation) {
  switch (static_cast<Activation>(activation)) {
    case Activation::relu:
      return e.node("Relu", {x});
    case Activation::relu6:
      return e.node("Clip", {x, e.constant(T{0}), e.constant(T{6})});
    case Activation::silu:
      return e.node("Mul", {x, e.node("Sigmoid", {x})});
    case Activation::hardswish:
      return e.node("HardSwish", {x});
    default:
      return x;
  }
}

/// Amounts for both sides of each dimension, as ONNX has them.
inline std::vector<Index> both_sides(std::vector<Index> pads) {
  const auto copy = pads;
  pads.insert(pads.end(), copy.begin(), copy.end());
  return pads;
}

template <class T>
std::vector<std::string> present_inputs(Exporter<T>& e) {
  std::vector<std::string> names;
  for (std::size_t i = 0; e.has(i); ++i) names.push_back(e.name(i));
  return names;
}

template <class T>
std::string export_conv(Exporter<T>& e, bool transposed) {
  const Shape& weight = e.input(1).shape();
  const auto padding = e.integers("padding");  // of a transposed convolution the same on opposite sides
  std::vector<WrittenAttribute> attributes{{"kernel_shape", std::vector<Index>{weight[2], weight[3]}},
                                           {"strides", e.integers("stride")},
                                           {"pads", transposed ? both_sides(padding) : padding},
                                           {"dilations", e.integers("dilation")},
                                           {"group", e.integer("groups")}};
  if (transposed) attributes.emplace_back("output_padding", e.integers("output_padding"));
  const auto y = e.node(transposed ? "ConvTranspose" : "Conv", present_inputs(e), attributes);
  return transposed ? y : export_activation(e, y, e.integer("activation"));
}

template <class T>
std::string export_pool(Exporter<T>& e, bool largest) {
  auto stride = e.integers("stride");
  if (stride[0] == 0 && stride[1] == 0) stride = e.integers("kernel");
  std::vector<WrittenAttribute> attributes{{"kernel_shape", e.integers("kernel")},
                                           {"strides", stride},
                                           {"pads", both_sides(e.integers("padding"))},
                                           {"ceil_mode", e.integer("ceil_mode")}};
  if (largest)
    attributes.emplace_back("dilations", e.integers("dilation"));
  else
    attributes.emplace_back("count_include_pad", e.integer("count_include_pad"));
  return e.node(largest ? "MaxPool" : "AveragePool", {e.name(0)}, attributes);
}

template <class T>
std::string export_adaptive_pool(Exporter<T>& e, bool largest) {
  const auto output = e.integers("output");
  const Shape& x = e.input(0).shape();
  if (output[0] == 1 && output[1] == 1) return e.node(largest ? "GlobalMaxPool" : "GlobalAveragePool", {e.name(0)});
  check<ValueError>(x[2] % output[0] == 0 && x[3] % output[1] == 0, "[save_onnx] operation ", e.op().name, " of input ",
                    x, " has windows of different sizes, which ONNX has not");
  const std::vector<Index> kernel{x[2] / output[0], x[3] / output[1]};
  return e.node(largest ? "MaxPool" : "AveragePool", {e.name(0)}, {{"kernel_shape", kernel}, {"strides", kernel}});
}

template <class T>
std::string export_batch_norm(Exporter<T>& e) {
  check<ValueError>(e.integer("training") == 0, "[save_onnx] a batch norm is in training");
  const Shape channels{e.input(0).dim(1)};
  const auto statistic = [&](const char* key, const char* last) {
    const auto& values = e.option(key);
    return e.constant(Tensor<T>::from(channels, std::vector<T>(values.begin(), values.end())), e.beside(1, last));
  };
  const auto weight = e.has(1) ? e.name(1) : e.constant(Tensor<T>::ones(channels));
  const auto bias = e.has(2) ? e.name(2) : e.constant(Tensor<T>::zeros(channels));
  auto y = e.node("BatchNormalization",
                  {e.name(0), weight, bias, statistic("mean", "running_mean"), statistic("variance", "running_var")},
                  {{"epsilon", e.number("eps")}});
  if (e.has(3)) y = e.node("Add", {y, e.name(3)});
  return export_activation(e, y, e.integer("activation"));
}

template <class T>
std::string export_interpolate(Exporter<T>& e) {
  const Shape& y = e.op().result.shape();
  const bool linear = e.integer("mode") == 1, corners = e.integer("align_corners") != 0;
  const double factor = e.number("scale_factor");
  std::vector<T> scales{1, 1};
  for (int d = 2; d < 4; ++d) {
    const auto from = static_cast<double>(e.input(0).dim(d)), to = static_cast<double>(y[d]);
    // A size a hair above the whole one, which rounding down leaves as it is.
    scales.push_back(static_cast<T>(factor > 0 ? factor : to * (1 + 1e-6) / from));
    if (factor <= 0 && std::floor(to / from) == to / from) scales.back() = static_cast<T>(to / from);
  }
  const auto list = e.constant(Tensor<float>::from({4}, std::vector<float>(scales.begin(), scales.end())));
  return e.node("Resize", {e.name(0), "", list},
                {{"mode", linear ? "linear" : "nearest"},
                 {"coordinate_transformation_mode", corners  ? "align_corners"
                                                    : linear ? "half_pixel"
                                                             : "asymmetric"},
                 {"nearest_mode", "floor"}});
}

/// Of `size` elements each, without weights: of the last dimensions, or of groups of channels.
template <class T>
std::string export_normalized(Exporter<T>& e, bool of_layer) {
  const Shape& x = e.input(0).shape();
  const Index size = e.integer("size");
  Index product = 1;
  int axis = x.rank();
  while (axis > 0 && product < size) product *= x[--axis];
  if (of_layer) {
    const Shape shape(std::span<const Index>(x.begin() + axis, x.end()));
    return e.node("LayerNormalization", {e.name(0), e.constant(Tensor<T>::ones(shape))},
                  {{"axis", Index{axis}}, {"epsilon", e.number("epsilon")}});
  }
  const Index groups = size == 0 ? 1 : x.size() / x[0] / size;
  const auto rows = e.node("Reshape", {e.name(0), e.constant(std::vector<Index>{0, groups, -1})});
  const auto y = e.node("InstanceNormalization",
                        {rows, e.constant(Tensor<T>::ones({groups})), e.constant(Tensor<T>::zeros({groups}))},
                        {{"epsilon", e.number("epsilon")}});
  return e.node("Reshape", {y, e.constant(e.sizes())});
}

template <class T>
std::string export_slice(Exporter<T>& e) {
  const auto range = e.integers("range");
  using List = std::vector<Index>;
  return e.node(
      "Slice", {e.name(0), e.constant(List{range[0]}), e.constant(List{range[1]}), e.constant(List{e.integer("dim")})});
}

template <class T>
std::string export_expand(Exporter<T>& e) {
  auto sizes = e.sizes();
  for (auto& n : sizes) n = n < 0 ? 1 : n;  // as it is, if it grows with the batch
  return e.node("Expand", {e.name(0), e.constant(sizes)});
}

template <class T>
std::string export_sum(Exporter<T>& e) {
  auto dims = e.integers("dims");
  if (dims.empty())
    for (int d = 0; d < e.input(0).rank(); ++d) dims.push_back(d);
  return e.node("ReduceSum", {e.name(0), e.constant(dims)}, {{"keepdims", e.integer("keep")}});
}

template <class T>
std::string export_gelu(Exporter<T>& e) {
  const auto x = e.name(0);
  const auto erf = e.node("Erf", {e.node("Mul", {x, e.constant(1 / std::numbers::sqrt2_v<T>)})});
  return e.node("Mul", {e.node("Mul", {x, e.constant(T(0.5))}), e.node("Add", {erf, e.constant(T{1})})});
}

template <class T>
std::map<std::string_view, Export<T>> elementwise_exporters() {
  using E = Exporter<T>&;
  return {
      {"add", [](E e) { return export_binary(e, "Add"); }},
      {"sub", [](E e) { return export_binary(e, "Sub"); }},
      {"mul", [](E e) { return export_binary(e, "Mul"); }},
      {"div",
       [](E e) {
         const bool inverse = e.op().find("dividend") != nullptr;
         return inverse ? e.node("Div", {e.constant(static_cast<T>(e.number("dividend"))), e.name(0)})
                        : export_binary(e, "Div");
       }},
      {"maximum", [](E e) { return export_binary(e, "Max"); }},
      {"minimum", [](E e) { return export_binary(e, "Min"); }},
      {"add_relu", [](E e) { return e.node("Relu", {export_binary(e, "Add")}); }},
      {"exp", [](E e) { return e.node("Exp", {e.name(0)}); }},
      {"log", [](E e) { return e.node("Log", {e.name(0)}); }},
      {"sqrt", [](E e) { return e.node("Sqrt", {e.name(0)}); }},
      {"stddev", [](E e) { return e.node("Sqrt", {e.name(0)}); }},
      {"square",
       [](E e) {
         return e.node("Mul", {e.name(0), e.name(0)});
       }},
      {"pow",
       [](E e) {
         return e.node("Pow", {e.name(0), e.constant(static_cast<T>(e.number("exponent")))});
       }},
      {"abs", [](E e) { return e.node("Abs", {e.name(0)}); }},
      {"clamp",
       [](E e) {
         const auto& limits = e.option("limits");
         return e.node("Clip",
                       {e.name(0), e.constant(static_cast<T>(limits.at(0))), e.constant(static_cast<T>(limits.at(1)))});
       }},
      {"relu", [](E e) { return e.node("Relu", {e.name(0)}); }},
      {"relu6", [](E e) { return export_activation(e, e.name(0), static_cast<Index>(Activation::relu6)); }},
      {"silu", [](E e) { return export_activation(e, e.name(0), static_cast<Index>(Activation::silu)); }},
      {"hardswish", [](E e) { return e.node("HardSwish", {e.name(0)}); }},
      {"activate", [](E e) { return export_activation(e, e.name(0), e.integer("activation")); }},
      {"leaky_relu",
       [](E e) {
         return e.node("LeakyRelu", {e.name(0)}, {{"alpha", e.number("slope")}});
       }},
      {"elu",
       [](E e) {
         return e.node("Elu", {e.name(0)}, {{"alpha", e.number("alpha")}});
       }},
      {"selu", [](E e) { return e.node("Selu", {e.name(0)}); }},
      {"softplus",
       [](E e) {
         const auto beta = static_cast<T>(e.number("beta"));
         return e.node("Div", {e.node("Softplus", {e.node("Mul", {e.name(0), e.constant(beta)})}), e.constant(beta)});
       }},
      {"sigmoid", [](E e) { return e.node("Sigmoid", {e.name(0)}); }},
      {"hardsigmoid",
       [](E e) {
         return e.node("HardSigmoid", {e.name(0)}, {{"alpha", 1.0 / 6}, {"beta", 0.5}});
       }},
      {"gelu", export_gelu<T>},
      {"tanh", [](E e) { return e.node("Tanh", {e.name(0)}); }},
  };
}

template <class T>
std::map<std::string_view, Export<T>> other_exporters() {
  using E = Exporter<T>&;
  return {
      {"conv2d", [](E e) { return export_conv(e, false); }},
      {"conv_transpose2d", [](E e) { return export_conv(e, true); }},
      {"max_pool2d", [](E e) { return export_pool(e, true); }},
      {"avg_pool2d", [](E e) { return export_pool(e, false); }},
      {"adaptive_max_pool2d", [](E e) { return export_adaptive_pool(e, true); }},
      {"adaptive_avg_pool2d", [](E e) { return export_adaptive_pool(e, false); }},
      {"batch_norm", export_batch_norm<T>},
      {"layer_norm", [](E e) { return export_normalized(e, true); }},
      {"group_norm", [](E e) { return export_normalized(e, false); }},
      {"interpolate", export_interpolate<T>},
      {"log_softmax",
       [](E e) {
         return e.node("LogSoftmax", {e.name(0)}, {{"axis", e.integer("dim")}});
       }},
      {"sum", export_sum<T>},
      {"permute",
       [](E e) {
         return e.node("Transpose", {e.name(0)}, {{"perm", e.integers("dims")}});
       }},
      {"slice", export_slice<T>},
      {"concat",
       [](E e) {
         return e.node("Concat", present_inputs(e), {{"axis", e.integer("dim")}});
       }},
      {"reshape",
       [](E e) {
         return e.node("Reshape", {e.name(0), e.constant(e.sizes())});
       }},
      {"to_order", [](E e) { return e.name(0); }},
      {"broadcast_to", export_expand<T>},
      {"index_select",
       [](E e) {
         return e.node("Gather", {e.name(0), e.constant(e.integers("indices"))}, {{"axis", e.integer("dim")}});
       }},
      {"pad",
       [](E e) {
         auto pads = e.integers("before");
         const auto after = e.integers("after");
         pads.insert(pads.end(), after.begin(), after.end());
         return e.node("Pad", {e.name(0), e.constant(pads), e.constant(static_cast<T>(e.number("value")))});
       }},
      {"linear",
       [](E e) {
         return e.node("Gemm", present_inputs(e), {{"transB", Index{1}}});
       }},
      {"matmul",
       [](E e) {
         return e.node("MatMul", {e.name(0), e.name(1)});
       }},
  };
}

template <class T>
Export<T> find_exporter(std::string_view name) {
  static const auto table = [] {
    auto all = elementwise_exporters<T>();
    all.merge(other_exporters<T>());
    return all;
  }();
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace nasion::io::detail::onnx
