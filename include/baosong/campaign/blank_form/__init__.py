"""The blank statistics sheet that prefectures fill in, made from the form."""
