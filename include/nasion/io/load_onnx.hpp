#pragma once
// Networks from ONNX files. CMake target nasion::onnx.

#include <filesystem>
#include <string>
#include <utility>

#include "nasion/io/onnx/module.hpp"
#include "nasion/io/read_file.hpp"

namespace nasion::io {

/// Longest ONNX file that is read: protobuf has no longer ones.
inline constexpr std::uintmax_t max_onnx_bytes = (std::uintmax_t{2} << 30) - 1;

namespace detail::onnx {
template <class T>
OnnxModule<T> parse_onnx(const std::string& bytes, const std::filesystem::path& path) {
  try {
    const auto model = read_model(bytes);
    Builder<T> builder(model, path);
    auto program = std::move(builder).program();
    fuse_activations(program);
    note_last_uses(program);
    return OnnxModule<T>(std::move(program), std::move(builder).tensors());
  } catch (const protozero::exception& error) {
    throw IoError(path, std::string("is no ONNX file, or damaged (") + error.what() + ")");
  } catch (const ValueError& error) {
    throw IoError(path, std::string("is not an ONNX file that can be used: ") + error.what());
  } catch (const ShapeError& error) {
    throw IoError(path, std::string("is not an ONNX file that can be used: ") + error.what());
  }
}
}  // namespace detail::onnx

/// The network in an ONNX file, for operators of opset 6 and later: `auto model = io::load_onnx<float>("net.onnx");`
/// Its weights may be in other files, of the same folder. IoError for a file that is damaged, or that has an operator
/// that is not known, which it names with its node, or subgraphs, sparse tensors, or weights elsewhere.
template <Real T>
OnnxModule<T> load_onnx(const std::filesystem::path& path) {
  return detail::onnx::parse_onnx<T>(read_file(path, max_onnx_bytes), path);
}

/// The tensor in a file of one, as the test data of ONNX has them. IoError as above.
template <Real T>
OnnxValue<T> load_onnx_tensor(const std::filesystem::path& path) {
  const std::string bytes = read_file(path, max_onnx_bytes);
  try {
    return detail::onnx::value_of<T>(detail::onnx::read_tensor(detail::onnx::Reader(bytes)), path);
  } catch (const protozero::exception& error) {
    throw IoError(path, std::string("is no tensor of ONNX, or damaged (") + error.what() + ")");
  } catch (const ValueError& error) {
    throw IoError(path, std::string("is no tensor of ONNX that can be used: ") + error.what());
  } catch (const ShapeError& error) {
    throw IoError(path, std::string("is no tensor of ONNX that can be used: ") + error.what());
  }
}

}  // namespace nasion::io
