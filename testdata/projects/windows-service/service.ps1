Write-Host "service"
