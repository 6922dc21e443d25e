#pragma once
// Reverse-mode automatic differentiation. An operation computes its result and records a closure that turns the
// gradient of the result into the gradients of its inputs (op.hpp); backward() calls the closures from the newest to
// the oldest.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/core/profile.hpp"
#include "nasion/core/tensor.hpp"

namespace nasion {

/// Gradients of an operation's inputs, in their order; undefined where none is needed. A gradient may still have the
/// broadcast shape of the result: the engine sums it to the shape of the input.
template <class T>
using Grads = std::vector<Tensor<T>>;

namespace detail {

inline thread_local bool grad_enabled = true;

// Not a template: one counter for all types, so that numbers follow the order of creation.
inline std::uint64_t next_node_number() {
  static std::atomic<std::uint64_t> number{0};
  return ++number;
}

template <class T>
struct Edge {  // where the gradient of one input goes: to the operation that made it, or to a leaf
  std::shared_ptr<Node<T>> node;
  std::shared_ptr<TensorImpl<T>> leaf;
  Shape shape;
};

template <class T>
struct Node {
  const char* op;
  Shape shape;  // of the result
  std::vector<Edge<T>> inputs;
  std::function<Grads<T>(const Tensor<T>&)> backward;
  std::uint64_t number = next_node_number();

  Node(const char* name, const Shape& result) : op(name), shape(result) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  // The members' own destructors would recurse through a long chain and overflow the stack.
  ~Node() {
    std::vector<std::shared_ptr<Node>> chain;
    const auto take_inputs = [&](Node& n) {
      for (auto& edge : n.inputs)
        if (edge.node) chain.push_back(std::move(edge.node));
    };
    take_inputs(*this);
    while (!chain.empty()) {
      const auto node = std::move(chain.back());
      chain.pop_back();
      if (node.use_count() == 1) take_inputs(*node);
    }
  }
};

struct StaleSaved {  // a saved tensor was modified; the engine adds the name of the operation
  Shape shape;
  std::uint64_t saved, now;
};

}  // namespace detail

/// Whether operations on this thread are recorded.
inline bool grad_enabled() { return detail::grad_enabled; }

/// While alive, operations on this thread are not recorded: for inference and for updating parameters.
class NoGrad {
 public:
  [[nodiscard]] NoGrad() : before_(std::exchange(detail::grad_enabled, false)) {}
  ~NoGrad() { detail::grad_enabled = before_; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

namespace detail {
template <class T>
inline thread_local const std::function<void(const Tensor<T>&)>* gradient_listener = nullptr;
}  // namespace detail

/// While alive, backward() on this thread calls f(leaf) as soon as the gradient of a leaf is complete, before it goes
/// on to older operations. Leaves are left out when an operation on them turns out not to need a gradient.
template <class T>
class GradientListener {
 public:
  [[nodiscard]] explicit GradientListener(std::function<void(const Tensor<T>&)> f)
      : f_(std::move(f)), before_(std::exchange(detail::gradient_listener<T>, &f_)) {}
  ~GradientListener() { detail::gradient_listener<T> = before_; }
  GradientListener(const GradientListener&) = delete;
  GradientListener& operator=(const GradientListener&) = delete;

 private:
  std::function<void(const Tensor<T>&)> f_;
  const std::function<void(const Tensor<T>&)>* before_;
};

/// A tensor kept for a gradient. It is outside the graph, so keeping an operation's own result makes no cycle, and it
/// knows the version it had: using it after an in-place change is an error, not a wrong gradient.
template <class T>
class Saved {
 public:
  Saved() = default;
  /// Keeps nothing when nothing is recorded.
  explicit Saved(const Tensor<T>& x) {
    if (!grad_enabled()) return;
    tensor_ = x.detach();
    version_ = version();
    requires_grad_ = x.requires_grad();
  }

  /// The tensor. When it was modified since it was kept, backward() makes a ValueError of it that names the operation.
  const Tensor<T>& operator*() const {
    if (version() != version_) throw detail::StaleSaved{tensor_.shape(), version_, version()};
    return tensor_;
  }
  /// Its members, with the same check.
  const Tensor<T>* operator->() const { return &**this; }
  /// Whether the tensor it was made from takes part in differentiation.
  bool requires_grad() const { return requires_grad_; }

 private:
  std::uint64_t version() const { return detail::Access::impl(tensor_)->buffer->version(); }

  Tensor<T> tensor_;
  std::uint64_t version_ = 0;
  bool requires_grad_ = false;
};

/// x for the gradient of an operation, see Saved.
template <class T>
Saved<T> save(const Tensor<T>& x) {
  return Saved<T>(x);
}

namespace detail {

template <class T>
double bytes(const Shape& shape) {
  return static_cast<double>(shape.size()) * sizeof(T);
}

/// Tells a profile what the gradients `grads` of dy read and wrote, as if each had taken a look at its input; nothing
/// where dy was passed on.
template <class T>
void count_bytes(const Tensor<T>& dy, const std::vector<Edge<T>>& inputs, const Grads<T>& grads) {
  double total = 0;
  for (std::size_t i = 0; i < grads.size(); ++i)
    if (grads[i].defined() && Access::impl(grads[i])->buffer != Access::impl(dy)->buffer)
      total += bytes<T>(grads[i].shape()) + bytes<T>(inputs[i].shape);
  if (total > 0) count_cost(0, total + bytes<T>(dy.shape()));
}

/// Whether this handle is the only way to the memory of x.
template <class T>
bool sole_owner(const Tensor<T>& x) {
  const auto& impl = Access::impl(x);
  return impl.use_count() == 1 && impl->buffer.use_count() == 1;
}

/// Elements begin .. end-1 of dimension `axis` of dy, where they are: what an operation may return as a gradient, and
/// nobody but the engine may read. It adds them to other gradients, or copies them when there are none.
template <class T>
Tensor<T> part_of(const Tensor<T>& dy, int axis, Index begin, Index end) {
  const auto part = dy.detach();
  const auto& impl = Access::impl(part);
  const Strides strides = dy.strides();
  impl->shape = dy.shape().with(axis, end - begin);
  impl->offset += begin * strides[static_cast<std::size_t>(axis)];
  if (axis > 0) impl->strides = std::make_shared<Strides>(strides);  // the first dimension is the outermost
  return part;
}

/// Whether x came from part_of() and is not dense.
template <class T>
bool is_part(const Tensor<T>& x) {
  return Access::impl(x)->strides != nullptr;
}

/// The elements of x in the given order, a copy.
template <class T>
Tensor<T> dense(const Tensor<T>& x, MemoryOrder order) {
  const auto y = Tensor<T>::empty(x.shape(), order);
  strided_copy(x.shape(), x.memory(), x.strides(), writable(y), y.strides());
  return y;
}

/// Sum of gradients on their way to one place. The first is held as it came, because it often has no successor.
template <class T>
struct GradSum {
  Tensor<T> sum;
  bool owned = false;  // memory that may be written to

  void add(Tensor<T> g) {
    if (!sum.defined()) {
      sum = std::move(g);
      return;
    }
    const Timer timer("sum_gradients", Pass::backward);
    count_cost(0, 3 * bytes<T>(g.shape()));
    if (is_part(sum)) std::swap(sum, g);  // rather the part is read than written
    if (is_part(sum)) sum = dense(sum, sum.order());
    if (g.order() != sum.order()) g = dense(g, sum.order());
    owned = owned || sole_owner(sum);
    if (is_part(g)) {
      if (!owned) sum = sum.clone();
      strided_add(g.shape(), g.memory(), g.strides(), writable(sum), sum.strides());
    } else {
      const Tensor<T> total = owned ? sum : Tensor<T>::empty(sum.shape(), sum.order());
      const T *a = sum.memory(), *b = g.memory();
      T* to = writable(total);
      parallel_for(sum.size(), 65536, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) to[i] = a[i] + b[i];
      });
      sum = total;
    }
    owned = true;
  }

  /// The whole sum, dense.
  Tensor<T> take() {
    if (!is_part(sum)) return std::move(sum);
    const Timer timer("sum_gradients", Pass::backward);
    count_cost(0, 2 * bytes<T>(sum.shape()));
    return dense(sum, sum.order());
  }
};

/// `g` summed over the dimensions in which `shape` was broadcast.
template <class T>
Tensor<T> sum_to_shape(const char* op, Tensor<T> g, const Shape& shape) {
  if (g.shape() == shape) return g;
  check(broadcasts_to(shape, g.shape()), "[", op, "] gradient ", g.shape(), " does not fit input ", shape);
  Tensor<T> sum = Tensor<T>::zeros(shape);
  strided_sum(g.shape(), g.memory(), g.strides(), writable(sum),
              broadcast_strides(shape, MemoryOrder::row_major, g.shape()), shape.size());
  return sum;
}

/// How often each leaf is an input of the graph below `roots`.
template <class T>
std::unordered_map<const TensorImpl<T>*, Index> count_uses(const std::vector<std::pair<Tensor<T>, Tensor<T>>>& roots) {
  std::unordered_map<const TensorImpl<T>*, Index> uses;
  std::unordered_set<const Node<T>*> seen;
  std::vector<const Node<T>*> to_visit;
  const auto reach = [&](const Node<T>* node) {
    if (node && seen.insert(node).second) to_visit.push_back(node);
  };
  for (const auto& root : roots) reach(Access::impl(root.first)->node.get());
  while (!to_visit.empty()) {
    const Node<T>* node = to_visit.back();
    to_visit.pop_back();
    for (const auto& edge : node->inputs) {
      reach(edge.node.get());
      if (edge.leaf) ++uses[edge.leaf.get()];
    }
  }
  return uses;
}

/// Runs the graph below `roots`. `to_leaf(impl, gradient)` is called for every leaf, `at_node(node, gradient)` for
/// every operation with its complete gradient, `listener` as GradientListener says.
template <class T, class ToLeaf, class AtNode>
void run_backward(const std::vector<std::pair<Tensor<T>, Tensor<T>>>& roots, bool retain_graph, ToLeaf&& to_leaf,
                  AtNode&& at_node, const std::function<void(const Tensor<T>&)>* listener = nullptr) {
  const NoGrad no_grad;
  std::unordered_map<const TensorImpl<T>*, Index> uses_left;
  if (listener) uses_left = count_uses(roots);
  // Inputs are always older than the operation on them, so the newest waiting operation has its complete gradient.
  const auto older = [](const std::shared_ptr<Node<T>>& a, const std::shared_ptr<Node<T>>& b) {
    return a->number < b->number;
  };
  std::priority_queue<std::shared_ptr<Node<T>>, std::vector<std::shared_ptr<Node<T>>>, decltype(older)> waiting(older);
  std::unordered_map<const Node<T>*, GradSum<T>> gradients;
  const auto deliver = [&](const std::shared_ptr<Node<T>>& node, const std::shared_ptr<TensorImpl<T>>& leaf,
                           Tensor<T> g) {
    if (node) {
      const auto [at, is_new] = gradients.try_emplace(node.get());
      at->second.add(std::move(g));
      if (is_new) waiting.push(node);
    } else if (leaf) {
      to_leaf(leaf, GradSum<T>{std::move(g)}.take());
    }
  };
  for (const auto& [output, gradient] : roots) {
    const auto& impl = Access::impl(output);
    deliver(impl->node, impl->requires_grad ? impl : nullptr, gradient.detach());
  }
  while (!waiting.empty()) {
    const std::shared_ptr<Node<T>> node = waiting.top();
    waiting.pop();
    const Tensor<T> gradient = gradients.extract(node.get()).mapped().take();
    at_node(node, gradient);
    check<ValueError>(
        static_cast<bool>(node->backward), "[", node->op,
        "] this graph was already used by backward(), which freed what it had saved; compute the result again, "
        "or pass retain_graph");
    Grads<T> grads;
    const Timer timer(node->op, Pass::backward);
    try {
      grads = node->backward(gradient);
    } catch (const StaleSaved& stale) {
      fail<ValueError>("[", node->op, "] a tensor ", stale.shape,
                       " that its gradient needs was modified in place after the operation (version ", stale.saved,
                       ", now ", stale.now, ")");
    }
    if (!retain_graph) node->backward = nullptr;
    check<ValueError>(grads.size() == node->inputs.size(), "[", node->op, "] has ", node->inputs.size(),
                      " inputs but returned ", grads.size(), " gradients");
    if (profile) count_bytes(gradient, node->inputs, grads);
    for (std::size_t i = 0; i < grads.size(); ++i) {
      const auto& edge = node->inputs[i];
      if (!grads[i].defined() || (!edge.node && !edge.leaf)) continue;
      deliver(edge.node, edge.leaf, sum_to_shape(node->op, std::move(grads[i]), edge.shape));
      if (listener && edge.leaf && --uses_left[edge.leaf.get()] == 0) (*listener)(Access::tensor(edge.leaf));
    }
  }
}

template <class T>
Tensor<T> initial_gradient(const char* op, const Tensor<T>& output, const Tensor<T>& gradient) {
  check<ValueError>(output.requires_grad(), "[", op, "] the tensor ", output.shape(),
                    " does not depend on anything that requires a gradient");
  if (!gradient.defined()) {
    check(output.size() == 1, "[", op, "] a gradient must be given for a tensor of more than one element, here ",
          output.shape());
    return Tensor<T>::ones(output.shape());
  }
  check(gradient.shape() == output.shape(), "[", op, "] gradient ", gradient.shape(), " does not fit tensor ",
        output.shape());
  return gradient;
}

}  // namespace detail

template <Real T>
void Tensor<T>::backward(const Tensor& gradient, bool retain_graph) const {
  detail::run_backward<T>(
      {{*this, detail::initial_gradient("backward", *this, gradient)}}, retain_graph,
      [](const std::shared_ptr<detail::TensorImpl<T>>& leaf, const Tensor& g) {
        detail::GradSum<T> sum;
        if (leaf->grad) {
          sum = {detail::Access::tensor(leaf->grad), true};
          sum.add(g);
          return;
        }
        // Memory that nobody else holds is taken over; anything else is copied, because .grad may be changed in place.
        leaf->grad = detail::Access::impl(detail::sole_owner(g) ? g : g.clone());
      },
      [](const auto&, const Tensor&) {}, detail::gradient_listener<T>);
}

template <Real T>
void Tensor<T>::check_in_place(const char* op) const {
  check<ValueError>(!grad_enabled() || !requires_grad(), "[", op, "] a tensor ", shape(),
                    " that requires a gradient is changed in place; use NoGrad for updates, or detach()");
}

/// Gradients of the sum of `outputs` (each times its entry of `output_grads`, which may be empty for single elements)
/// with respect to `inputs`, leaves or intermediate results, in their order. Leaves' grad() stays as it is. An input
/// that the outputs do not depend on has an undefined gradient. ShapeError for a gradient of another shape than its
/// output, or none for several elements; ValueError for an input that does not require a gradient, and as for
/// backward().
template <Real T>
std::vector<Tensor<T>> grad(const std::vector<Tensor<T>>& outputs, const std::vector<Tensor<T>>& inputs,
                            const std::vector<Tensor<T>>& output_grads = {}, bool retain_graph = false) {
  check<ValueError>(output_grads.empty() || output_grads.size() == outputs.size(), "[grad] ", outputs.size(),
                    " outputs but ", output_grads.size(), " gradients of outputs");
  std::vector<std::pair<Tensor<T>, Tensor<T>>> roots;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    roots.emplace_back(
        outputs[i], detail::initial_gradient("grad", outputs[i], output_grads.empty() ? Tensor<T>{} : output_grads[i]));
  std::vector<detail::GradSum<T>> sums(inputs.size());
  for (const auto& x : inputs)
    check<ValueError>(x.requires_grad(), "[grad] input ", x.shape(), " does not require a gradient");
  detail::run_backward<T>(
      roots, retain_graph,
      [&](const std::shared_ptr<detail::TensorImpl<T>>& leaf, const Tensor<T>& g) {
        for (std::size_t i = 0; i < inputs.size(); ++i)
          if (detail::Access::impl(inputs[i]) == leaf) sums[i].add(g);
      },
      [&](const std::shared_ptr<detail::Node<T>>& node, const Tensor<T>& g) {
        for (std::size_t i = 0; i < inputs.size(); ++i)
          if (detail::Access::impl(inputs[i])->node == node) sums[i].add(g);
      });
  std::vector<Tensor<T>> result;
  for (const auto& sum : sums) result.push_back(sum.sum.defined() ? sum.sum.clone() : sum.sum);
  return result;
}

}  // namespace nasion
