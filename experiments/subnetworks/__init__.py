"""`takeback subnetworks`: which weights does learning from rewards change, and is it peculiar to rewards?"""
