"""Who people are: accounts, sign-ins, tokens, profiles."""
