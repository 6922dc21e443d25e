#pragma once
// Modules one after another.

#include <memory>

#include "nasion/nn/module.hpp"

namespace nasion::nn {

/// Applies its modules, of any types, in order. Children are named "0", "1", ... as in PyTorch.
template <Real T>
class Sequential {
 public:
  Sequential() = default;
  template <class First, class... Rest>
  requires(!std::is_same_v<std::remove_cvref_t<First>, Sequential>) explicit Sequential(First first, Rest... rest) {
    append(std::move(first));
    (append(std::move(rest)), ...);
  }
  Sequential(const Sequential& other) {
    for (const auto& module : other.modules_) modules_.push_back(module->copy());
  }
  Sequential(Sequential&&) noexcept = default;
  Sequential& operator=(Sequential other) noexcept {
    modules_.swap(other.modules_);
    return *this;
  }
  ~Sequential() = default;

  /// Adds a module at the end, of any type that maps a tensor to a tensor.
  template <class M>
  Sequential& append(M module) {
    modules_.push_back(std::make_unique<Holder<M>>(std::move(module)));
    return *this;
  }

  std::size_t size() const { return modules_.size(); }

  /// Module `i`, which must have type M. ValueError when it does not exist or has another type.
  template <class M>
  M& get(std::size_t i) {
    auto* holder = i < size() ? dynamic_cast<Holder<M>*>(modules_[i].get()) : nullptr;
    check<ValueError>(holder != nullptr, "[Sequential] module ", i, " of ", size(),
                      " does not exist or has another type");
    return holder->module;
  }

  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = x;
    for (const auto& module : modules_) y = module->forward(y);
    return y;
  }
  static void visit(auto& self, auto&& f) {
    std::size_t i = 0;
    for (auto& module : self.modules_) {
      const auto name = std::to_string(i++);
      if constexpr (std::is_const_v<std::remove_reference_t<decltype(self)>>)
        static_cast<const Any&>(*module).accept(name, f);
      else
        module->accept(name, f);
    }
  }

 private:
  struct Any {
    virtual ~Any() = default;
    virtual Tensor<T> forward(const Tensor<T>& x) const = 0;
    virtual void accept(const std::string& name, Visitor<T>& f) = 0;
    virtual void accept(const std::string& name, Visitor<T>& f) const = 0;
    virtual std::unique_ptr<Any> copy() const = 0;
  };
  template <class M>
  struct Holder final : Any {
    explicit Holder(M m) : module(std::move(m)) {}
    Tensor<T> forward(const Tensor<T>& x) const override { return module(x); }
    void accept(const std::string& name, Visitor<T>& f) override { f(name, module); }
    void accept(const std::string& name, Visitor<T>& f) const override { f(name, module); }
    std::unique_ptr<Any> copy() const override { return std::make_unique<Holder>(module); }
    M module;
  };

  std::vector<std::unique_ptr<Any>> modules_;
};

}  // namespace nasion::nn
