from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout


class NasionRecipe(ConanFile):
    name = "nasion"
    version = "0.1.0"
    license = "MIT"
    description = "Header-only C++20 deep learning, with face landmarks as its first subject"
    topics = ("deep-learning", "autograd", "convolution", "face-landmarks", "header-only")
    package_type = "header-library"
    settings = "os", "compiler", "build_type", "arch"
    # One for each component that stands on another library.
    options = {"io": [True, False], "vision": [True, False], "faces": [True, False], "dlib_xml": [True, False],
               "mpi": [True, False], "eigen": [True, False], "npz": [True, False], "dlpack": [True, False],
               "onnx": [True, False]}
    default_options = {"io": True, "vision": True, "faces": True, "dlib_xml": False, "mpi": False, "eigen": False,
                       "npz": False, "dlpack": False, "onnx": False}
    exports_sources = "CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*"
    no_copy_source = True

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        for components, reference in (("io faces", "nlohmann_json/3.11.3"), ("vision faces", "stb/cci.20230920"),
                                      ("vision faces", "libjpeg-turbo/3.0.2"), ("vision faces", "libpng/1.6.43"),
                                      ("dlib_xml", "pugixml/1.14"), ("mpi", "openmpi/4.1.6"), ("eigen", "eigen/3.4.0"),
                                      ("npz", "libzip/1.10.1"), ("dlpack", "dlpack/0.8"),
                                      ("onnx", "protozero/1.7.1")):
            if any(self.options.get_safe(component) for component in components.split()):
                self.requires(reference, transitive_headers=True)

    def package_id(self):
        self.info.clear()

    def generate(self):
        toolchain = CMakeToolchain(self)
        for option in ("BUILD_TESTS", "BUILD_EXAMPLES", "BUILD_BENCHMARKS", "FETCH"):
            toolchain.variables[f"NASION_{option}"] = False
        toolchain.generate()

    def package(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.install()

    def package_info(self):
        # The installed nasionConfig.cmake has all targets, nasion::compiled too.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs.append("lib/cmake/nasion")
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
