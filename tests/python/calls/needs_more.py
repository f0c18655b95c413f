"""A module that needs a package nobody has."""

import a_package_nobody_has
