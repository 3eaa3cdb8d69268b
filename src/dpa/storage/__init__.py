"""Files in buckets and on servers, by URL: s3://, gs://, az://, https:// and what else fsspec knows."""
