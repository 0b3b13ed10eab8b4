"""`python -m aftersend.console` is the `aftersend` command; `up` starts its children this way."""

from aftersend.console import main

main()
