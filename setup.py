"""Build the core: the Cython binding and all of csrc/, as one extension module.

Everything else about the distribution stands in pyproject.toml. Knobs in the environment:

MIGHTY_PATCHER_WERROR=1
    A warning in csrc/ is an error (CI).
MIGHTY_PATCHER_DEBUG=1
    No optimisation, full debug information, and the core's own assertions.
MIGHTY_PATCHER_SANITIZE=address,undefined
    These sanitizers of the compiler (CONTRIBUTING says how to run the suite under them).
"""

from __future__ import annotations

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

CSRC = Path("csrc")
SOURCES = sorted(path.as_posix() for path in CSRC.glob("*.c"))
HEADERS = sorted(path.as_posix() for path in CSRC.glob("*.h"))

WERROR = os.environ.get("MIGHTY_PATCHER_WERROR") == "1"
DEBUG = os.environ.get("MIGHTY_PATCHER_DEBUG") == "1"
SANITIZE = os.environ.get("MIGHTY_PATCHER_SANITIZE", "")


def dialect(compiler: str) -> list[str]:
    """Return the flags that decide what our C means; csrc/ and the binding need the same."""
    if compiler == "msvc":
        return ["/std:c11"]
    flags = ["-std=c11", "-fno-strict-aliasing", "-fvisibility=hidden"]
    if DEBUG:
        flags += ["-O0", "-g3", "-UNDEBUG", "-U_FORTIFY_SOURCE"]  # which wants optimisation
    if SANITIZE:
        flags += [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
        flags += ["-g"]
    return flags


def warnings(compiler: str) -> list[str]:
    """Return the flags that are for csrc/ alone: Cython's C does not hold itself to them."""
    if compiler == "msvc":
        return ["/W4", *(["/WX"] if WERROR else [])]
    return ["-Wall", "-Wextra", *(["-Werror"] if WERROR else [])]


class BuildCore(build_ext):
    """Compile csrc/ under our own warnings, and leave the binding to the base class."""

    def build_extension(self, ext: Extension) -> None:
        """Build one extension module.

        Args:
            ext: The extension; its sources below csrc/ are compiled here.
        """
        if not self.force and not newer_group(
            [*ext.sources, *ext.depends], self.get_ext_fullpath(ext.name)
        ):
            return
        compiler = self.compiler.compiler_type
        ext.extra_compile_args = dialect(compiler)
        ext.extra_link_args = [f"-fsanitize={SANITIZE}"] if SANITIZE else []
        ours = [source for source in ext.sources if source in SOURCES]
        ext.sources = [source for source in ext.sources if source not in SOURCES]
        ext.extra_objects = self.compiler.compile(
            ours,
            output_dir=self.build_temp,
            include_dirs=ext.include_dirs,
            debug=self.debug,
            extra_postargs=ext.extra_compile_args + warnings(compiler),
            depends=ext.depends,
        )
        super().build_extension(ext)


core = Extension(
    "mighty_patcher._core",
    sources=["src/mighty_patcher/_core.pyx", *SOURCES],
    include_dirs=[CSRC.as_posix()],
    # Not only the headers: BuildCore takes the sources of csrc/ out of `sources`, by whose dates
    # the base class decides whether to link anew. Here they also come into the sdist.
    depends=[*HEADERS, *SOURCES],
)

setup(
    cmdclass={"build_ext": BuildCore},
    ext_modules=cythonize(
        [core],
        build_dir="build/cython",
        compiler_directives={"language_level": "3", "freethreading_compatible": True},
    ),
)
