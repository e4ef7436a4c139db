"""The keys of people who certify, as commands; `everyword.keyring` keeps them."""
